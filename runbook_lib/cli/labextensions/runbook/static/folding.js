/* What explains a step is folded once nothing waits for it, with its code; a button in its heading opens both. Steps that
 * have nothing to do, or wait, for the same reason are one line. In a record all is folded, and what only helps to run it
 * is one line below its banner. The page follows; the file stays as it is. */

/** Fold the settled steps of a runbook or a review. */
export function foldSettled(panel) {
  fold(panel, isSettled);
}

/** Fold all steps of a record, also when more of it is drawn. Its banner has no code. */
export function foldRecord(panel) {
  const foldAll = () => {
    fold(panel, () => true);
    foldInstructions(panel);
  };
  new MutationObserver(foldAll).observe(panel.node, { subtree: true, childList: true });
  foldAll();
}

const hasTag = ({ model }, tag) => (model.getMetadata("tags") ?? []).includes(tag);

/** Give parts a class, or take it away. Where nothing changes nothing is written: what follows the page would run again, for ever. */
function mark(parts, name, isOn) {
  for (const part of parts) part?.classList.toggle(name, isOn);
}

function fold(panel, isFolded) {
  const steps = [];
  let isNext = false;
  let code; // of the step whose heading comes next
  for (const cell of [...panel.content.widgets].reverse()) {
    const { node, model } = cell;
    if (model.type === "code") {
      if (!hasTag(cell, "parameters")) isNext = isFolded(node);
      code = node;
    } else {
      const heading = node.querySelector(".jp-RenderedMarkdown > :is(h1, h2):first-child:not(:last-child)");
      mark([node, code], "runbook-folds", isNext && Boolean(heading));
      if (isNext && heading && !heading.querySelector(".runbook-explain")) heading.append(explainButton("Explanation", [node, code]));
      mark([node, code], "runbook-beside", isNext && Boolean(heading && code?.querySelector(".runbook-short")));
      steps.unshift({ parts: [node, code].filter(Boolean), quiet: code && quietLine(code) });
      code = undefined;
    }
  }
  groupQuiet(steps);
}

/** The line of a step that shows nothing else. */
function quietLine(code) {
  const outputs = [...code.querySelectorAll(".jp-OutputArea-output")].filter((one) => !one.querySelector(".jp-OutputArea-output"));
  const isOther = (one) => one.textContent.trim() && !one.querySelector(".runbook-quiet");
  return outputs.some(isOther) ? null : code.querySelector(".runbook-quiet");
}

/** Show steps in a row that say the same as one line, with the titles of all. */
function groupQuiet(steps) {
  const reason = (step) => step?.quiet?.querySelector("bdi")?.textContent;
  steps.forEach((step, place) => {
    if (!step.quiet) mark(step.parts, "runbook-grouped", false);
    else if (reason(step) !== reason(steps[place - 1])) {
      const end = steps.findIndex((other, at) => at > place && reason(other) !== reason(step));
      showAsOne(steps.slice(place, end < 0 ? undefined : end));
    }
  });
}

function showAsOne(group) {
  const [{ quiet: line }] = group;
  const parts = group.flatMap((step) => step.parts);
  for (const part of parts) part.classList.toggle("runbook-grouped", !part.contains(line));
  for (const { quiet } of group) quiet.classList.toggle("runbook-leads", quiet === line);
  const title = ({ quiet }) => (quiet.dataset.title ??= quiet.firstChild.textContent.replace(/ · $/, ""));
  const words = `${group.map(title).join(", ")} · `;
  if (line.firstChild.textContent === words && line.querySelector(".runbook-explain")) return;
  line.firstChild.textContent = words;
  line.querySelector(".runbook-explain")?.remove();
  line.append(explainButton("Explanation", parts));
}

/** Show the instructions and parameters of a record as one line, below its banner. */
function foldInstructions(panel) {
  const { widgets } = panel.content;
  const banner = widgets.find(({ model }) => model.id === "record-banner");
  const isInstruction = (cell) => ["opening", "parameters-words"].includes(cell.model.id) || hasTag(cell, "parameters") || hasTag(cell, "injected-parameters");
  const cells = banner ? widgets.filter(isInstruction) : [];
  mark(cells.map(({ node }) => node), "runbook-grouped", true);
  mark([banner?.node], "runbook-folds", true);
  if (!banner || banner.node.querySelector(".runbook-explain")) return;
  const button = explainButton("Instructions and parameters", cells.map(({ node }) => node));
  button.addEventListener("click", () => cells.forEach((cell) => (cell.inputHidden = false)));
  banner.node.append(button);
}

/** Whether nothing waits for a step any more: as the kernel says, or since it has a card and no form. */
function isSettled(cell) {
  if (cell.querySelector(".widget-vbox")) return Boolean(cell.querySelector(".runbook-settled"));
  return Boolean(cell.querySelector(".jp-RenderedHTMLCommon")) && !cell.querySelector("[data-mime-type$=stderr]");
}

function explainButton(label, parts) {
  const button = document.createElement("button");
  const show = () => (button.ariaExpanded = parts[0].classList.contains("runbook-unfolded"));
  Object.assign(button, { className: "runbook-explain", textContent: label });
  button.addEventListener("click", () => {
    const isOpen = !parts[0].classList.contains("runbook-unfolded");
    for (const part of parts) part?.classList.toggle("runbook-unfolded", isOpen);
    show();
  });
  show();
  return button;
}
