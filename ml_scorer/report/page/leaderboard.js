// The leaderboard: sorted by the headings' buttons, searched by parts of names. Rows are moved, never made.
(() => {
  "use strict";
  const table = document.getElementById("scores");
  const bodies = [...table.tBodies];
  const rows = bodies.flatMap((body) => [...body.rows]);
  if (rows.length < 2) return;
  const columns = JSON.parse(document.getElementById("leaderboard-data").textContent);
  const rowsInBody = bodies[0].rows.length;
  const headings = [...table.tHead.rows[0].cells];
  const names = rows.map((row) => row.cells[1].textContent);
  const lowered = names.map((name) => name.toLowerCase());
  const inOrder = new Intl.Collator("en", { numeric: true });
  const total = rows.length.toLocaleString("en");
  let order = rows.map((_, index) => index);
  let shown = new Set(order);

  const place = () => {
    const kept = order.filter((index) => shown.has(index));
    bodies.forEach((body, number) => {
      const here = kept.slice(number * rowsInBody, (number + 1) * rowsInBody);
      body.replaceChildren(...here.map((index) => rows[index]));
      body.hidden = here.length === 0 && number > 0;
    });
  };

  // Nulls last in either direction; equal ones stay in the order of the places.
  const compared = (column, sign) => (a, b) => {
    if (column === 1) return sign * inOrder.compare(names[a], names[b]) || a - b;
    const x = columns[column][a], y = columns[column][b];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return sign * (x - y) || a - b;
  };

  const sort = (column) => {
    const heading = headings[column];
    const before = heading.getAttribute("aria-sort");
    const first = column < 2 ? "ascending" : "descending";
    const now = before ? (before === "ascending" ? "descending" : "ascending") : first;
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", now);
    order.sort(compared(column, now === "ascending" ? 1 : -1));
    place();
    table.parentElement.scrollTop = 0;
    document.getElementById("sorted").textContent = `Sorted by ${heading.innerText.replace(/\s+/g, " ").trim()}, ${now}.`;
  };

  const buttons = headings.map((_, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", () => sort(column));
    return button;
  });
  let focused = -1;
  const wrap = () => {
    headings.forEach((heading, column) => {
      if (heading.contains(buttons[column])) return;
      buttons[column].append(...heading.childNodes);
      heading.append(buttons[column]);
    });
    if (focused >= 0) buttons[focused].focus({ preventScroll: true });
    focused = -1;
  };
  // A table head with buttons in it is not repeated on every page of paper.
  const unwrap = () => {
    focused = buttons.indexOf(document.activeElement);
    for (const button of buttons) button.replaceWith(...button.childNodes);
  };
  wrap();
  addEventListener("beforeprint", unwrap);
  addEventListener("afterprint", wrap);

  const search = document.getElementById("search");
  if (!search) return;
  const found = document.getElementById("found");
  const find = () => {
    const parts = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = new Set(order.filter((index) => parts.every((part) => lowered[index].includes(part))));
    place();
    table.parentElement.scrollTop = 0;
    found.textContent = parts.length ? `${shown.size.toLocaleString("en")} of ${total}` : `${total} checkpoints`;
  };
  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(find, 120); });
  document.getElementById("leaderboard-tools").hidden = false;
})();
