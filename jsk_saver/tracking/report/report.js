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
  const filter = (text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const heads = all("th", table).map((head) => head.textContent.trim().toLowerCase());
    let shown = 0;
    for (const row of all("tbody tr", table)) {
      const cells = [...row.cells].map((cell) => cell.textContent.trim().toLowerCase());
      const fits = words.every((word) => {
        const at = word.indexOf("=");
        const column = at > 0 ? heads.indexOf(word.slice(0, at)) : -1;
        if (column >= 0) return cells[column] === word.slice(at + 1);
        return cells.some((cell) => cell.includes(word));
      });
      row.hidden = !fits;
      shown += fits;
      const trial = document.getElementById("trial-" + row.cells[0].textContent);
      if (trial) trial.hidden = !fits;
    }
    const total = table.tBodies[0].rows.length;
    document.getElementById("count").textContent = words.length ? `${shown} of ${total}` : "";
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

  // Plots, in the colours of the page, drawn once they come into sight --------------------------------
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
  const watcher = new IntersectionObserver(
    (seen) => seen.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
    { rootMargin: "400px" },
  );
  boxes.forEach((box) => watcher.observe(box));

  // On paper there is nothing to click ------------------------------------------------------------------
  let opened = [];
  addEventListener("beforeprint", () => {
    boxes.forEach(draw);
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
