// Tables and lists that hold one page of their rows in the document, however many there are.

/** Rows, a page at a time, with buttons below to turn it. What a page looks like is `draw(seen)` of a subclass. */
class Paged {
  constructor(place, caption, size, content) {
    Object.assign(this, { size, rows: [], first: 0 });
    this.nothing = element("p", { class: "none" });
    this.place = element("span");
    this.turns = [
      this.#turn("First", () => 0),
      this.#turn("Previous", () => this.first - this.size),
      this.#turn("Next", () => this.first + this.size),
      this.#turn("Last", () => Math.floor((this.rows.length - 1) / this.size) * this.size),
    ];
    this.pager = element("nav", { class: "pager", "aria-label": `Pages of ${caption}` }, this.turns, this.place);
    this.content = content;
    place.replaceChildren(this.nothing, content, this.pager);
  }

  #turn(label, target) {
    return element("button", { type: "button", onclick: () => this.#turnTo(target()) }, label);
  }

  /** Show *rows* from the first page on; *nothing* is said if there are none. */
  show(rows, nothing = "Nothing passes the filter.") {
    this.rows = rows;
    this.nothing.textContent = rows.length ? "" : nothing;
    this.nothing.hidden = rows.length > 0;
    this.content.hidden = rows.length === 0;
    this.pager.hidden = rows.length <= this.size;
    this.#turnTo(0);
  }

  #turnTo(first) {
    this.first = first;
    const last = Math.min(first + this.size, this.rows.length);
    this.place.textContent = `${whole(first + 1)}–${whole(last)} of ${whole(this.rows.length)}`;
    const [start, previous, next, end] = this.turns;
    start.disabled = previous.disabled = first === 0;
    next.disabled = end.disabled = last === this.rows.length;
    this.draw(this.rows.slice(first, last));
  }
}

/** A list; `item(row)` makes an element of a row. */
class PagedList extends Paged {
  constructor(place, { caption, size, item }) {
    const list = element("div");
    super(place, caption, size, list);
    this.draw = (seen) => list.replaceChildren(...seen.map(item));
  }
}

/**
 * A table with sortable columns.
 *
 * A column has `title`, `cell(row)` for nodes or text, and may have `value(row)` to sort by, `number: true` for
 * figures, `head: true` if it names the row, and `first: true` if the table is sorted by it to begin with.
 * `onpage` is told which rows are seen; `rowClass(row)` marks a row.
 */
class PagedTable extends Paged {
  constructor(place, { caption, columns, size, onpage = () => {}, rowClass = () => undefined }) {
    const heads = columns.map((column) => tableHead(column, () => this.sortBy(column)));
    const body = element("tbody");
    const table = element("table", {},
      element("caption", { class: "hidden" }, caption), element("thead", {}, element("tr", {}, heads)), body);
    const scroll = { class: "scroll", role: "region", "aria-label": `Table: ${caption}`, tabindex: "0" };
    super(place, caption, size, element("div", scroll, table));
    this.sort = { column: columns.find((column) => column.first) ?? null, falling: true };
    this.draw = (seen) => {
      heads.forEach((head, index) => {
        if (this.sort.column !== columns[index]) head.removeAttribute("aria-sort");
        else head.setAttribute("aria-sort", this.sort.falling ? "descending" : "ascending");
      });
      body.replaceChildren(...seen.map((row) =>
        element("tr", { class: rowClass(row) }, columns.map((column) => tableCell(column, row)))));
      onpage(seen);
    };
  }

  /** First press: the most first, or A to Z; the next the other way round. */
  sortBy(column) {
    const falling = this.sort.column === column ? !this.sort.falling : Boolean(column.number);
    this.sort = { column, falling };
    this.show(this.rows);
  }

  show(rows, nothing) {
    super.show(this.sort.column ? sorted(rows, this.sort.column.value, this.sort.falling) : rows, nothing);
  }
}

/** A column of texts. */
const texts = (title, value, cell = value) => ({ title, value, cell });

/** A column of figures; `written(figure, row)` is what is seen. */
const figures = (title, value, written = whole) =>
  ({ title, value, number: true, cell: (row) => written(value(row), row) });

function sorted(rows, value, falling) {
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  return [...rows].sort((a, b) => order(value(a), value(b)) * (falling ? -1 : 1));
}

function tableHead(column, onclick) {
  const inside = column.value ? element("button", { type: "button", onclick }, column.title) : column.title;
  return element("th", { scope: "col", class: column.number ? "number" : undefined }, inside);
}

function tableCell(column, row) {
  const attributes = { scope: column.head ? "row" : undefined, class: column.number ? "number" : undefined };
  return element(column.head ? "th" : "td", attributes, column.cell(row));
}
