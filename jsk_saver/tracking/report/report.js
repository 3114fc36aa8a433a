"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const table = document.getElementById("trials");

  // The table: click a head to sort, type to filter ------------------------------------------------
  const sortKey = (cell) => {
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    return cell.textContent.trim().toLowerCase();
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b, undefined, { numeric: true });
  };
  const isMissing = (key) => key === "" || key === "nan" || Number.isNaN(key);
  const sortBy = (head) => {
    const column = head.cellIndex;
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const rows = all("tbody tr", table).map((row) => [sortKey(row.cells[column]), row]);
    rows.sort(([a], [b]) => isMissing(a) - isMissing(b) || sign * compare(a, b));
    all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  const contents = (cell) => ({
    text: (cell.dataset.s === undefined ? cell.textContent : cell.dataset.s).trim().toLowerCase(),
    value: cell.dataset.v === undefined ? undefined : Number(cell.dataset.v),
  });
  // What can be asked for: columns by their whole names and short ones, and what is the same in all rows.
  const columns = Object.create(null);
  if (table) {
    for (const [name, said] of Object.entries(JSON.parse(table.dataset.same))) {
      const value = said.trim() !== "" && Number.isFinite(Number(said)) ? Number(said) : undefined;
      columns[name.toLowerCase()] = () => ({ text: said.toLowerCase(), value });
    }
    for (const [at, head] of all("th", table).entries()) {
      for (const name of [head.title, head.textContent]) {
        if (name) columns[name.trim().toLowerCase()] ||= (cells) => cells[at];
      }
    }
  }
  const filter = (text) => {
    const { fits: matches, unknown } = trialFilter(text, columns);
    let shown = 0;
    for (const row of all("tbody tr", table)) {
      const fits = matches([...row.cells].map(contents));
      row.hidden = !fits;
      shown += fits;
      const trial = document.getElementById("trial-" + row.cells[0].textContent);
      if (trial) trial.hidden = !fits;
    }
    const total = table.tBodies[0].rows.length;
    const told = text.trim() ? `${shown} of ${total}` : "";
    const missing = unknown.length ? ` (no column ${unknown.join(", ")})` : "";
    document.getElementById("count").textContent = told + missing;
  };
  if (table) {
    table.tHead.addEventListener("click", (event) => {
      const head = event.target.closest("th");
      if (head) sortBy(head);
    });
    document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
  }

  // A link to a trial opens it ---------------------------------------------------------------------
  const openTarget = () => {
    const trial = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (trial && trial.matches("details.trial")) {
      trial.hidden = false;
      trial.open = true;
      trial.scrollIntoView();
    }
  };
  addEventListener("hashchange", openTarget);
  openTarget();
  const load = (frame) => {
    frame.srcdoc = frame.dataset.page;
    delete frame.dataset.page;
  };
  document.addEventListener(
    "toggle",
    (event) => event.target.open && all("iframe[data-page]", event.target).forEach(load),
    true,
  );

  // Plots, in the colours of the page; those in sight first --------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      "font.color": read("--ink"),
      "hoverlabel.bgcolor": read("--raised"),
      "hoverlabel.font.color": read("--ink"),
      "hoverlabel.bordercolor": read("--line"),
    };
  };
  const draw = (box) => {
    if (box.dataset.drawn) return;
    box.dataset.drawn = "1";
    const figure = JSON.parse(box.nextElementSibling.textContent);
    const options = { responsive: true, displaylogo: false, showSendToCloud: false };
    Plotly.newPlot(box, figure.data, figure.layout, options).then(() => Plotly.relayout(box, colours()));
  };
  const drawn = () => all(".draw[data-drawn]");
  dark.addEventListener("change", () => drawn().forEach((box) => Plotly.relayout(box, colours())));
  const boxes = all(".draw");
  const drawAll = () => boxes.forEach(draw);
  const watcher = new IntersectionObserver(
    (seen) => seen.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
    { rootMargin: "400px" },
  );
  boxes.forEach((box) => watcher.observe(box));
  // Those out of sight follow one by one: who prints or photographs the whole page wants all of them.
  const idle = window.requestIdleCallback || ((go) => setTimeout(go, 50));
  const next = () => {
    const box = boxes.find((one) => !one.dataset.drawn);
    if (!box) return;
    draw(box);
    idle(next);
  };
  addEventListener("load", () => idle(next));
  matchMedia("print").addEventListener("change", (media) => media.matches && drawAll());

  // On paper there is nothing to click ------------------------------------------------------------------
  let opened = [];
  addEventListener("beforeprint", () => {
    drawAll();
    drawn().forEach((box) => Plotly.relayout(box, colours()));
    const trials = all("details.trial");
    opened = trials.length <= 50 ? trials.filter((trial) => !trial.open && !trial.hidden) : [];
    opened.forEach((trial) => (trial.open = true));
  });
  addEventListener("afterprint", () => {
    opened.forEach((trial) => (trial.open = false));
    drawn().forEach((box) => Plotly.relayout(box, colours()));
  });
})();
