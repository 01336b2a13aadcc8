/* What `runbook lab` adds to JupyterLab, for its own session. Written by hand, so that nothing has to be built.
 *
 * A template opens as a copy. When a copy opens and nothing was run in its kernel, its cells are run: they only rehearse;
 * one that has no ticket, or a wrong one, asks for it. A record opens without a kernel. In start_here, naming another ticket runs
 * the cells below; once a runbook that it links to has its kernel, it closes, and its own kernel ends. The arrow keys
 * reach every cell that is shown. What is settled is folded (`folding.js`) and short (`runbook.css`). After an answer or
 * a press the page scrolls to what comes next. An error that a card says is not shown a second time. A copy is saved with its
 * cards as they are, also when a press has come to its end, and with what was answered in it, each time that something
 * is answered: a later kernel goes on from that. Where a kernel was restarted or has ended, the page says how to go on.
 *
 * Nothing else is run: what is not in the folder of copies, or was not made there by `runbook_lib.templates`.
 */
(() => {
  "use strict";

  const VIEW = "application/vnd.jupyter.widget-view+json";
  const START_HERE = /(^|\/)start_here[^/]*\.ipynb$/;
  const config = JSON.parse(document.getElementById("jupyter-config-data").textContent);
  const files = `${config.fullLabextensionsUrl}/runbook/static`;
  const [notebooks, copies, outputs] = [config.runbookNotebooks, config.runbookCopies, config.runbookOutputs];

  const isWithin = (path, folder) => Boolean(folder) && path.startsWith(`${folder}/`);
  const isTemplate = (path) => Boolean(copies) && isWithin(path, notebooks) && !isWithin(path, copies);

  /** Open a copy in place of a template, which stays as it is. */
  async function openCopy(app, panel, context) {
    await context.ready;
    const copy = await app.serviceManager.contents.copy(context.path, copies);
    await app.commands.execute("docmanager:open", { path: copy.path });
    panel.dispose();
  }

  /** Run the cells of a copy, unless anything was run in its kernel before: then answers may be in it. */
  async function start(app, panel, context) {
    const session = context.sessionContext;
    await context.ready;
    endWaiting(context);
    await Promise.all([panel.revealed, app.restored]);
    await session.ready;
    if (!session.session?.kernel || !context.model.getMetadata("runbook_copy")) return;
    closeStartHere(app, context.path);
    if (isNamed(context) && (await isUnused(session.session.kernel))) await runAll(app, panel, context);
    else await showWidgets(context, session.session.kernel);
    const isOpen = isNamed(context) && !(takesTicket(context) && hasFailed(openingOf(context)));
    if (!panel.isDisposed && !isOpen) askForTicket(app, panel, context);
  }

  async function isUnused(kernel) {
    const count = { count: "get_ipython().execution_count" };
    const reply = await kernel.requestExecute({ code: "", silent: true, user_expressions: count }).done;
    return reply.content.user_expressions?.count?.data?.["text/plain"] === "1";
  }

  /** Run a command on this notebook, which comes to the front, and on no other that is there meanwhile. */
  const execute = (app, panel, command) => app.commands.execute(command, { semanticWidget: panel.id });

  async function runAll(app, panel, context) {
    await execute(app, panel, "notebook:run-all-cells");
    if (panel.isDisposed) return; // closed meanwhile
    show(panel);
    await context.save();
  }

  /** Scroll to where the run has ended: the first open question, an error, or else the plan; of a review, its first cards. */
  function show(panel) {
    const { widgets, activeCellIndex } = panel.content;
    const isReview = widgets.some((cell) => cell.model.id === "verification");
    const last = isReview ? widgets.find((cell) => cell.model.id === "open")?.node : widgets[activeCellIndex]?.node;
    const asking = panel.node.querySelector(".runbook-asks")?.closest(".jp-Cell");
    const stopped = widgets.find((cell) => hasFailed(cell.model))?.node;
    const target = (asking ?? stopped ?? last)?.querySelector(".jp-Cell-outputWrapper");
    if (target) scrollTo(panel, target, "start");
  }

  let endScrolling = () => {};
  /** Scroll to a place, and keep it in view while cells are still being drawn, until a person does anything. */
  function scrollTo(panel, target, block) {
    endScrolling();
    const drawn = new ResizeObserver(() => isTyping(panel) || target.scrollIntoView({ block }));
    endScrolling = () => drawn.disconnect();
    for (const { node } of panel.content.widgets) drawn.observe(node);
    for (const act of ["wheel", "keydown", "pointerdown"]) panel.node.addEventListener(act, endScrolling, { once: true, capture: true });
    setTimeout(endScrolling, 3000);
  }

  const isTyping = (panel) =>
    panel.node.contains(document.activeElement) &&
    document.activeElement.matches("input:not(#runbook-ticket), textarea, [contenteditable=true]");

  /** Scroll to what the kernel says comes next, unless somebody types; its cell becomes the active one. */
  function showNext(panel, next) {
    if (isTyping(panel)) return;
    const { content } = panel;
    const cell = next.closest(".jp-Cell");
    const isLost = document.activeElement === document.body || panel.node.contains(document.activeElement);
    const isOther = content.activeCell?.node !== cell;
    if (isOther) content.activeCellIndex = content.widgets.findIndex((one) => one.node === cell);
    if (isLost && isOther) content.activate();
    const isResult = next.matches(".runbook-result");
    scrollTo(panel, isResult ? next : cell.querySelector(".jp-Cell-outputWrapper"), isResult ? "nearest" : "start");
  }

  /** What a cell waited for when its page was left is not so any more, and nothing comes in its place. */
  function endWaiting(context) {
    const words = "The page was loaded anew while this cell ran. Run it again to see what came of it.";
    for (const { type, outputs } of cellsOf(context)) {
      if (type !== "code") continue;
      outputs.toJSON().forEach((output, place) => {
        if (output.metadata?.runbook_progress) outputs.set(place, { ...output, data: { "text/plain": words }, metadata: {} });
      });
    }
  }

  /** Every widget within another one, in the order of the page. */
  function* within(widget) {
    for (const child of widget.children()) {
      yield child;
      yield* within(child);
    }
  }

  /** Keep in the file what each card says now, for reading without this kernel. Of a form nothing is kept. */
  function saveCards(panel, context) {
    const { model } = context;
    const toJSON = model.toJSON.bind(model);
    model.toJSON = () => {
      const file = toJSON();
      const cells = file.cells.map((cell, place) => {
        const shown = panel.content.widgets[place]?.outputArea?.widgets ?? [];
        return cell.outputs ? { ...cell, outputs: cell.outputs.map((output, at) => saved(output, shown[at])) } : cell;
      });
      const answers = context.runbookAnswers;
      return { ...file, metadata: answers ? { ...file.metadata, runbook_answers: answers } : file.metadata, cells };
    };
  }

  /** An output with the cards that its widget shows. The widget is set aside: without its kernel it would be an error. */
  function saved(output, shown) {
    const view = output.data?.[VIEW];
    const areas = view && shown ? [...within(shown)].filter((one) => one.hasClass("jp-OutputArea")) : [];
    const cards = areas.flatMap((area) => area.model.toJSON()).map((card) => card.data);
    if (!cards.length) return output;
    const all = (mime) => cards.map((card) => [card[mime] ?? ""].flat().join("")).join("\n");
    const { [VIEW]: _, ...data } = { ...output.data, "text/html": all("text/html"), "text/plain": all("text/plain") };
    return { ...output, data, metadata: { ...output.metadata, runbook_widget: view } };
  }

  /** Show the widgets that the kernel still has in place of what the file kept of them. */
  async function showWidgets(context, kernel) {
    const { comms } = (await kernel.requestCommInfo({ target_name: "jupyter.widget" })).content;
    for (const { type, outputs } of cellsOf(context)) {
      if (type !== "code") continue;
      outputs.toJSON().forEach((output, place) => {
        const { runbook_widget: view, ...metadata } = output.metadata ?? {};
        if (comms?.[view?.model_id]) outputs.set(place, { ...output, data: { ...output.data, [VIEW]: view }, metadata });
      });
    }
  }

  /** Let a key open what is folded, which JupyterLab would take for its own. */
  function openByKey(event) {
    if (!event.target.matches?.("summary, .runbook-explain") || ![" ", "Enter"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    event.target.click();
  }

  /** Hide an error whose sentence a card says. */
  function hideTwice(panel, error) {
    const words = (node) => node.textContent.replace(/\s+/g, " ").trim();
    const said = words(error).replace(/^\w+: /, "");
    const cards = [...panel.node.querySelectorAll(".jp-OutputArea-output.jp-RenderedHTMLCommon")];
    if (said && cards.some((card) => words(card).includes(said))) error.closest(".jp-OutputArea-child").style.display = "none";
  }

  /** Save what a press or an answer came to: JupyterLab does not count it as a change. What another tab has saved stays. */
  async function saveResult(app, context) {
    await navigator.locks?.request(context.path, async () => {
      await context.runbookSaved.catch(() => {}); // a save of this tab's own is no other tab's
      if (context.isDisposed) return;
      const { last_modified } = await app.serviceManager.contents.get(context.path, { content: false });
      if (context.isDisposed || last_modified !== context.contentsModel?.last_modified) return;
      context.runbookIsSaving = true;
      try {
        await context.save();
      } catch (error) {
        if (!context.isDisposed) throw error;
      } finally {
        context.runbookIsSaving = false;
      }
    });
  }

  /** Keep what was answered, as the kernel says it, in the file, but for what the file has already. */
  function keepAnswers(app, context, node) {
    const answers = JSON.parse(node.dataset.runbookAnswers);
    const kept = context.runbookAnswers ?? context.model.getMetadata("runbook_answers");
    if (JSON.stringify(answers) === JSON.stringify(kept)) return;
    context.runbookAnswers = answers;
    saveResult(app, context);
  }

  /** Follow what the cells show. */
  function watch(app, panel) {
    panel.node.addEventListener("keydown", openByKey, true);
    // What is said of a field is not so any more while it is changed; the kernel says it anew after Enter, or when the field is left.
    const mark = ({ type, target }) => target.closest(".widget-hbox")?.classList.toggle("runbook-typing", type === "input");
    for (const type of ["input", "change", "focusout"]) panel.node.addEventListener(type, mark);
    let frame;
    const errors = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]';
    new MutationObserver((changes) => {
      frame ??= requestAnimationFrame(() => {
        frame = undefined;
        folding.foldSettled(panel);
      });
      for (const { type, target, oldValue } of changes) {
        if (type === "attributes") {
          const isNext = target.matches(".runbook-next") && !/\brunbook-next\b/.test(oldValue ?? "");
          if (!isNext || !target.closest(".jp-Cell")) continue;
          showNext(panel, target);
          if (target.matches(".runbook-result")) saveResult(app, panel.context);
        } else {
          [target.closest(errors), ...target.querySelectorAll(errors)].forEach((one) => one && hideTwice(panel, one));
          target.querySelectorAll("[data-runbook-answers]").forEach((one) => keepAnswers(app, panel.context, one));
        }
      }
    }).observe(panel.node, { subtree: true, childList: true, attributeFilter: ["class"], attributeOldValue: true });
  }

  const cellsOf = (context) => [...context.model.cells];
  const isTagged = (cell, tag) => (cell.getMetadata("tags") ?? []).includes(tag);
  const hasFailed = (cell) => Boolean(cell?.outputs?.toJSON().some((output) => output.output_type === "error"));
  const openingOf = (context) => cellsOf(context).find((cell) => cell.id === "open");
  const parametersOf = (context) => cellsOf(context).find((cell) => isTagged(cell, "parameters"))?.sharedModel;

  /** Whether a copy has its ticket, or is about none. */
  const isNamed = (context) => !/^ticket_id: int = 0\b/m.test(parametersOf(context)?.getSource() ?? "");

  const takesTicket = (context) => /^ticket_id: int\b/m.test(parametersOf(context)?.getSource() ?? "");

  /** Show a field for the ticket above a copy that has none, or a wrong one; it goes when the ticket could be opened. */
  function askForTicket(app, panel, context) {
    const form = document.createElement("form");
    form.style = "min-height:56px;box-sizing:border-box;display:flex;gap:8px;align-items:center;padding:12px 16px;color:var(--jp-ui-font-color1)";
    form.innerHTML =
      '<label for="runbook-ticket">Ticket number</label>' +
      '<input id="runbook-ticket" class="jp-mod-styled" autocomplete="off" placeholder="1001, or its web address">' +
      '<button type="submit" class="jp-mod-styled jp-mod-accept">Open the ticket</button>';
    const field = form.querySelector("input");
    field.value = /^ticket_id: int = (?!0\b)"?([^"\s]*)/m.exec(parametersOf(context)?.getSource())?.[1] ?? "";
    const header = new Widget({ node: form });
    let presses = 0;
    panel.contentHeader.addWidget(header);
    field.select();
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const typed = field.value.trim();
      if (!typed) return;
      const press = (presses += 1);
      const parameters = parametersOf(context);
      const value = /^[1-9][0-9]*$/.test(typed) ? typed : JSON.stringify(typed);
      parameters.setSource(
        parameters.getSource().replace(/^ticket_id: int = .*?(?=  # |$)/m, () => `ticket_id: int = ${value}`)
      );
      await runAll(app, panel, context);
      if (press !== presses || panel.isDisposed) return; // another one was named meanwhile, or it was closed
      if (hasFailed(openingOf(context))) field.select();
      else header.dispose();
    });
  }

  /** End the start_here that has led to this runbook, and its kernel. */
  function closeStartHere(app, path) {
    const name = path.split("/").pop();
    for (const panel of [...app.shell.widgets("main")]) {
      const from = panel.context?.path ?? "";
      if (isWithin(from, copies) && START_HERE.test(from) && from !== path && panel.node.innerHTML.includes(name)) {
        panel.context.sessionContext.shutdown().then(() => panel.dispose());
      }
    }
  }

  /** Run the cells below the form of start_here that another ticket is named in. */
  function runBelow(app, panel) {
    panel.node.addEventListener("change", async (event) => {
      const field = event.target;
      if (!(field instanceof HTMLInputElement) || !field.value.trim() || !field.closest(".jp-OutputArea")) return;
      const { content } = panel;
      content.activeCellIndex = content.widgets.findIndex((cell) => cell.node.contains(field)) + 1;
      await execute(app, panel, "notebook:run-all-below");
      if (!panel.isDisposed) show(panel);
    });
  }

  /** One save after the other: JupyterLab takes the file of a save that still runs for one that was changed by others. */
  function saveInTurn(context) {
    const save = context.save.bind(context);
    const tell = context._handleError.bind(context);
    // Nobody asked for such a save: that the tab was closed meanwhile is no error.
    context._handleError = async (...words) => context.isDisposed && context.runbookIsSaving ? undefined : tell(...words);
    context.runbookSaved = Promise.resolve();
    context.save = () => (context.runbookSaved = context.runbookSaved.then(save, save));
  }

  /** Say in place of a kernel's buttons, which do nothing once it was restarted or has ended, how to go on. */
  function followKernel(app, panel, context) {
    const END = "<b>The kernel was restarted, or has ended: this page stands still.</b> A run goes on by itself. To see where it is: ";
    const say = (output) => {
      const button = [...output.querySelectorAll(".jupyter-button.mod-primary")].find((one) => one.offsetHeight);
      output.classList.add("runbook-ended");
      if (!button) return;
      const words = document.createElement("p");
      words.innerHTML = `${END}<button class="jp-mod-styled jp-mod-accept">Run all cells</button>`;
      words.lastChild.addEventListener("click", () => runAll(app, panel, context));
      button.before(words);
    };
    context.sessionContext.statusChanged.connect((_, status) => {
      if (!/restarting|terminating|dead/.test(status)) return;
      panel.node.querySelectorAll(".jp-OutputArea-child:has(.jupyter-widgets):not(.runbook-ended)").forEach(say);
    });
  }

  function opened(app, panel, context) {
    if (isWithin(context.path, copies)) {
      followKernel(app, panel, context);
      saveInTurn(context);
      saveCards(panel, context);
      watch(app, panel);
      start(app, panel, context);
      if (START_HERE.test(context.path)) runBelow(app, panel);
    } else if (isTemplate(context.path)) {
      withoutKernel(context.sessionContext);
      openCopy(app, panel, context);
    } else if (isWithin(context.path, outputs)) {
      withoutKernel(context.sessionContext);
      Promise.all([context.ready, panel.revealed]).then(() => folding.foldRecord(panel));
    }
  }

  function withoutKernel(session) {
    session.kernelPreference = { ...session.kernelPreference, shouldStart: false };
  }

  /** Let the arrow keys reach every cell: JupyterLab's own skip those whose code is collapsed, with their forms. */
  function reachEveryCell(app) {
    for (const [key, label, step] of [["ArrowDown", "Select the cell below", 1], ["ArrowUp", "Select the cell above", -1]]) {
      const command = `runbook:${key}`;
      app.commands.addCommand(command, {
        label,
        execute: () => {
          const { content } = app.shell.currentWidget;
          let index = content.activeCellIndex;
          content.deselectAll();
          do index += step;
          while (content.widgets[index]?.node.offsetHeight === 0);
          if (content.widgets[index]) content.activeCellIndex = index;
          content.activate();
          content.activeCell?.node.scrollIntoView({ block: "nearest" });
        },
      });
      const selector = ".jp-NotebookPanel .jp-Notebook.jp-mod-commandMode:not(.jp-mod-readWrite) :focus:not(:read-write)";
      app.commands.addKeyBinding({ command, keys: [key], selector });
    }
  }

  /** Let a theme that is chosen end that JupyterLab follows the system, and be taken: its own menu wants a second click. */
  function chooseThemeAtOnce(app) {
    const choose = "apputils:change-theme";
    let again;
    app.commands.commandExecuted.connect((_, { id, args, result }) => {
      if (id !== choose) return;
      const first = again === undefined;
      again = first ? result.then(() => app.commands.execute(choose, args)).finally(() => (again = undefined)) : again;
    });
  }

  const plugin = {
    id: "runbook:lab",
    autoStart: true,
    activate: (app) => {
      app.docRegistry.addWidgetExtension("Notebook", {
        createNew: (panel, context) => {
          opened(app, panel, context);
        },
      });
      document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: `${files}/runbook.css` }));
      reachEveryCell(app);
      chooseThemeAtOnce(app);
      app.restored.then(() => app.shell.collapseLeft());
    },
  };

  /** What JupyterLab shares with its extensions. */
  async function shared(scope, name) {
    const [version] = Object.values(scope[name]);
    return (await version.get())();
  }

  let scope, Widget, folding;
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.runbook = {
    init: (given) => {
      scope = given;
    },
    get: async () => {
      ({ Widget } = await shared(scope, "@lumino/widgets"));
      folding = await import(`${files}/folding.js`);
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
