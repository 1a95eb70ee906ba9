"use strict";
// Tables of the class `sortable` sort by their headings; those with `data-filter` get a text box, and a button for
// each outcome where rows carry `data-outcome`. Without this script every row is shown, in the order of the page.

const texts = new Intl.Collator("en", { numeric: true });

// What a cell is sorted by: the number of data-v, else its text. Nothing known sorts last, in both directions.
function keyOf(cell) {
  if (!cell) return null;
  if (cell.dataset.v === undefined) return cell.textContent.trim() || null;
  const value = Number(cell.dataset.v);
  return cell.dataset.v === "" || Number.isNaN(value) ? null : value;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a < b ? -1 : a > b ? 1 : 0;
  return texts.compare(String(a), String(b));
}

// The sort of arrays is stable: equal rows keep the order of an earlier sort.
function sortRows(table, column, sign) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => ({ row, key: keyOf(row.cells[column]) }));
  rows.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return sign * compare(a.key, b.key);
  });
  body.append(...rows.map((each) => each.row));
}

function makeSortable(table) {
  const headings = Array.from(table.tHead.rows[0].cells);
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((each) => each.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      sortRows(table, column, down ? -1 : 1);
    });
  });
}

function outcomeButtons(rows, changed) {
  const counts = new Map();
  for (const row of rows) {
    const name = row.dataset.outcome;
    if (name) counts.set(name, (counts.get(name) || 0) + 1);
  }
  if (counts.size < 2) return [];
  return Array.from(counts, ([name, count]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `chip o-${name}`;
    button.dataset.outcome = name;
    button.textContent = `${name.replaceAll("_", " ")} ${count}`;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
      changed();
    });
    return button;
  });
}

// Shown are the rows that hold every word of the box and, where outcomes are pressed, have one of these.
function makeFilter(table) {
  const rows = Array.from(table.tBodies[0].rows);
  const words = rows.map((row) => row.textContent.toLowerCase());
  const place = table.closest(".scroll") || table;

  const controls = document.createElement("div");
  controls.className = "controls";
  const label = document.createElement("label");
  label.textContent = "Filter ";
  const box = document.createElement("input");
  box.type = "search";
  box.autocomplete = "off";
  const count = document.createElement("output");
  label.append(box);

  const apply = () => {
    const wanted = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcomes = buttons.filter((each) => each.getAttribute("aria-pressed") === "true")
      .map((each) => each.dataset.outcome);
    let shown = 0;
    rows.forEach((row, at) => {
      const fits = wanted.every((word) => words[at].includes(word))
        && (outcomes.length === 0 || outcomes.includes(row.dataset.outcome));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    count.textContent = shown === rows.length ? `${rows.length} rows` : `${shown} of ${rows.length} rows`;
  };
  const buttons = outcomeButtons(rows, apply);
  const clear = () => {
    box.value = "";
    buttons.forEach((each) => each.setAttribute("aria-pressed", "false"));
    apply();
  };
  box.addEventListener("input", apply);
  // A link to a row that is filtered away shows it.
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target || !target.hidden || !table.contains(target)) return;
    clear();
    target.scrollIntoView();
  });
  controls.append(label, ...buttons, count);
  place.before(controls);
  apply();
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll("table[data-filter]").forEach(makeFilter);
