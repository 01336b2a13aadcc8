/* What explains a step is folded once nothing waits for it, with its code; a button in its heading opens both. In a
 * record all is folded. The page follows; the file stays as it is. */

/** Fold the settled steps of a runbook or a review. */
export function foldSettled(panel) {
  fold(panel, isSettled);
}

/** Fold all steps of a record, also when more of it is drawn. Its banner has no code. */
export function foldRecord(panel) {
  const foldAll = () => {
    fold(panel, () => true);
    panel.content.widgets.find(({ model }) => model.id === "record-banner")?.node.classList.add("runbook-folds");
  };
  new MutationObserver(foldAll).observe(panel.node, { subtree: true, childList: true });
  foldAll();
}

function fold(panel, isFolded) {
  let isNext = false;
  let code; // of the step whose heading comes next
  for (const { node, model } of [...panel.content.widgets].reverse()) {
    if (model.type === "code") {
      if (!(model.getMetadata("tags") ?? []).includes("parameters")) isNext = isFolded(node);
      code = node;
    } else {
      const heading = node.querySelector(".jp-RenderedMarkdown > :is(h1, h2):first-child:not(:last-child)");
      for (const part of [node, code]) part?.classList.toggle("runbook-folds", isNext && Boolean(heading));
      if (isNext && heading && !heading.querySelector(".runbook-explain")) heading.append(explainButton(node, code));
      code = undefined;
    }
  }
}

/** Whether nothing waits for a step any more: as the kernel says, or since it has a card and no form. */
function isSettled(cell) {
  if (cell.querySelector(".widget-vbox")) return Boolean(cell.querySelector(".runbook-settled"));
  return Boolean(cell.querySelector(".jp-RenderedHTMLCommon")) && !cell.querySelector("[data-mime-type$=stderr]");
}

function explainButton(...parts) {
  const button = document.createElement("button");
  const show = () => (button.ariaExpanded = parts[0].classList.contains("runbook-unfolded"));
  Object.assign(button, { className: "runbook-explain", textContent: "Explanation" });
  button.addEventListener("click", () => {
    for (const part of parts) part?.classList.toggle("runbook-unfolded");
    show();
  });
  show();
  return button;
}
