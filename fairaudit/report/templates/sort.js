document.querySelectorAll("table.sort").forEach(function (table) {
  var heads = table.querySelectorAll("thead th");
  function value(row, at) {
    var text = row.cells[at] ? row.cells[at].textContent.trim() : "";
    var found = /^[<>]?\s*(-?[\d.]+(?:e[-+]?\d+)?)/i.exec(text.replace(/\u2212/g, "-").replace(/,/g, ""));
    return found ? parseFloat(found[1]) : text.toLowerCase();
  }
  function order(one, other) {
    if (typeof one === typeof other) return one < other ? -1 : one > other ? 1 : 0;
    return typeof one === "number" ? -1 : 1;
  }
  heads.forEach(function (head, at) {
    var button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) button.appendChild(head.firstChild);
    head.appendChild(button);
    button.addEventListener("click", function () {
      var up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      Array.prototype.forEach.call(table.tBodies, function (body) {
        var rows = Array.prototype.filter.call(body.rows, function (row) { return row.className !== "kind"; });
        rows.sort(function (a, b) { return (up ? 1 : -1) * order(value(a, at), value(b, at)); });
        rows.forEach(function (row) { body.appendChild(row); });
      });
    });
  });
});
