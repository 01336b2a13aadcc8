// Keeps the control room as the practice world is: asks for the panes, and swaps those that changed. It makes no HTML.
"use strict";

const EVERY_MS = 500; // from an answer to the next question
const PATIENCE_MS = 5000; // for one answer
const ITEMS = ".card[id], .comment[id]";

const main = document.querySelector("main[data-panes]");
const state = document.getElementById("state");
let isLost = false;

function ask() {
  const request = new XMLHttpRequest(); // unlike fetch, it hands out a document, so that no text is parsed here
  request.open("GET", main.dataset.panes);
  request.responseType = "document";
  request.timeout = PATIENCE_MS;
  request.setRequestHeader("If-None-Match", main.dataset.version);
  request.onloadend = () => {
    setTimeout(ask, EVERY_MS);
    take(request);
  };
  request.send();
}

function take(request) {
  if (request.status === 200 && request.response) {
    show(request.response, request.getResponseHeader("ETag"));
  } else if (request.status !== 304) {
    isLost = true;
    say("The practice world does not answer. What you see may be old; this page keeps trying.");
    return;
  }
  if (isLost) {
    isLost = false;
    say("The practice world answers again.");
  }
}

function show(fresh, version) {
  const changed = [...fresh.querySelectorAll("[data-pane]")]
    .map((pane) => [document.getElementById(pane.id), pane])
    .filter(([old, pane]) => old && old.dataset.digest !== pane.dataset.digest);
  const ready = changed.filter(([old]) => !isSelectedIn(old));
  for (const [old, pane] of ready) swap(old, pane);
  if (ready.length === changed.length) main.dataset.version = version; // otherwise it asks for the rest again
  if (ready.length) say(`New: ${ready.map(([old]) => old.querySelector("h2").textContent).join(", ")}`);
}

function say(words) {
  state.classList.toggle("lost", isLost);
  if (state.textContent !== words) state.textContent = words; // a screen reader hears it once
}

// The reader is about to copy something from here.
function isSelectedIn(pane) {
  const selection = getSelection();
  return !selection.isCollapsed && selection.containsNode(pane, true);
}

// Puts a pane's new content in place of the old. What was opened or closed, the focus and what is in view stay.
function swap(old, fresh) {
  for (const item of fresh.querySelectorAll(ITEMS)) {
    const known = document.getElementById(item.id);
    if (known?.matches("details")) item.open = known.open;
    known?.classList.remove("arrived");
    if (!item.isEqualNode(known ?? null)) item.classList.add("arrived"); // new, or not what it was
  }
  const refocus = focusIn(old);
  const settle = viewOf(old);
  old.replaceChildren(...fresh.childNodes);
  old.dataset.digest = fresh.dataset.digest;
  settle();
  refocus();
}

// Returns what gives the focus back: to the same link or summary of the same item, or else to the pane.
function focusIn(pane) {
  const focused = document.activeElement;
  if (focused === pane || !pane.contains(focused)) return () => {};
  const { id } = focused.closest("[id]");
  const place = [...document.getElementById(id).querySelectorAll(focused.tagName)].indexOf(focused);
  return () => {
    const again = document.getElementById(id)?.querySelectorAll(focused.tagName)[place];
    (again ?? pane).focus({ preventScroll: true });
  };
}

// Returns what scrolls the first item in view back to where it was. At the very top, what is new comes into view.
function viewOf(pane) {
  const scrolls = getComputedStyle(pane).overflowY === "auto";
  const scroller = scrolls ? pane : document.scrollingElement;
  if (scroller.scrollTop === 0) return () => {};
  const top = scrolls ? pane.getBoundingClientRect().top : 0;
  const items = [...(scrolls ? pane : main).querySelectorAll(ITEMS)];
  const first = items.find((item) => item.getBoundingClientRect().bottom > top);
  if (!first) return () => {};
  const was = first.getBoundingClientRect().top;
  return () => {
    const again = document.getElementById(first.id);
    if (again) scroller.scrollTop += again.getBoundingClientRect().top - was;
  };
}

if (main) ask();
