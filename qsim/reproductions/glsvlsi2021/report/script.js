"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const minus = (text) => text.replace("-", "−");
  const percent = (share) => `${(100 * share).toFixed(2)}\u00a0%`;
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

  const element = (name, attributes = {}, text = "") => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  };
  const options = (select, values, label) =>
    select.replaceChildren(...values.map((v) => element("option", { value: v }, label(v))));
  const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`)?.value;

  // Radio buttons that look like a row of keys; the one chosen before stays chosen if it is still there.
  const keys = (place, name, values, label) => {
    const before = chosen(name);
    const keep = values.some((v) => String(v) === before) ? before : String(values[0]);
    place.replaceChildren(...values.map((value) => {
      const key = element("label");
      const input = element("input", { type: "radio", name, value });
      input.checked = String(value) === keep;
      const face = element("span");
      face.append(label(value));
      key.append(input, face);
      return key;
    }));
  };

  // Explore: accuracy of a network at a strength, on both paths.

  const PLOT = { left: 46, right: 548, top: 12, bottom: 258 };
  const svg = (name, attributes, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  };

  const strengthAt = (grid, index, steps) =>
    `${grid.epsilons[index]} (${steps[index]} LSB${steps[index] === 1 ? "" : "s"})`;

  const explore = () => {
    const name = $("dataset").value;
    const grid = data.grids[name];
    const a = grid.activations.indexOf($("activation").value);
    const b = grid.bits.indexOf(Number(chosen("bits")));
    const e = Number($("epsilon").value);
    const shares = (path, bits) => grid.correct[path][a][bits];
    const at = (path, k) => shares(path, b).map((seed) => seed[k] / grid.images);
    const integer = mean(at("integer", e));
    const shadow = mean(at("shadow", e));
    $("epsilon-value").textContent = grid.epsilons[e];
    $("integer").textContent = percent(integer);
    $("shadow").textContent = percent(shadow);
    $("difference").textContent = minus(`${(100 * (integer - shadow)).toFixed(2)} points`);
    $("step").textContent = `${grid.steps[e]} LSB${grid.steps[e] === 1 ? "" : "s"}`;
    const seeds = at("integer", e);
    const n = seeds.length;
    $("range").textContent =
      `Mean of ${n} seed${n === 1 ? "" : "s"}` +
      (n > 1 ? `; the integers range from ${percent(Math.min(...seeds))} to ${percent(Math.max(...seeds))}` : "") +
      `, of ${grid.images.toLocaleString("en")} test ${name === "spiral" ? "points" : "images"} each.` +
      (e > 0 && grid.steps[e] === 0 ? " Below half an LSB nothing moves: that is not robustness." : "");
    draw(grid, a, b, e);
    region(name, grid, e);
  };

  const draw = (grid, a, b, e) => {
    const largest = grid.epsilons[grid.epsilons.length - 1];
    const x = (epsilon) => PLOT.left + ((PLOT.right - PLOT.left) * epsilon) / largest;
    const y = (share) => PLOT.bottom - (PLOT.bottom - PLOT.top) * share;
    const curve = (path, bits) => grid.epsilons.map((epsilon, k) =>
      `${x(epsilon).toFixed(1)},${y(mean(grid.correct[path][a][bits].map((s) => s[k])) / grid.images).toFixed(1)}`).join(" ");
    const line = (path, bits, style) => svg("polyline", { points: curve(path, bits), fill: "none", ...style });
    const parts = [svg("title", { id: "curve-title" },
      `Accuracy by attack strength: ${data.names[grid.activations[a]]}, ${grid.labels[b]}`)];
    for (let share = 0; share <= 1; share += 0.25) {
      parts.push(svg("line", { x1: PLOT.left, x2: PLOT.right, y1: y(share), y2: y(share), stroke: "#e4e4e4" }));
      parts.push(svg("text", { x: PLOT.left - 8, y: y(share) + 4, "text-anchor": "end" }, `${100 * share} %`));
    }
    for (let i = 0; i <= 5; i++) {
      const at = (largest * i) / 5;
      parts.push(svg("text", { x: x(at), y: PLOT.bottom + 18, "text-anchor": "middle" }, String(Number(at.toFixed(3)))));
    }
    parts.push(svg("text", { x: (PLOT.left + PLOT.right) / 2, y: PLOT.bottom + 36, "text-anchor": "middle" },
      "attack strength ε (ℓ∞)"));
    grid.bits.forEach((_, k) => k !== b && parts.push(line("integer", k, { stroke: "#c9c9ce", "stroke-width": 1 })));
    parts.push(line("integer", b, { stroke: "#0063a3", "stroke-width": 2.5 }));
    parts.push(line("shadow", b, { stroke: "#e08a3c", "stroke-width": 1.5, "stroke-dasharray": "5 6" }));
    parts.push(svg("line", { x1: x(grid.epsilons[e]), x2: x(grid.epsilons[e]), y1: PLOT.top, y2: PLOT.bottom, stroke: "#1d1d1f", "stroke-width": 1 }));
    const now = mean(grid.correct.integer[a][b].map((s) => s[e])) / grid.images;
    parts.push(svg("circle", { cx: x(grid.epsilons[e]), cy: y(now), r: 5, fill: "#0063a3", stroke: "#fff", "stroke-width": 1.5 }));
    [["#0063a3", "", "integers"], ["#e08a3c", "5 6", "shadow"], ["#c9c9ce", "", "other widths"]].forEach(([stroke, dash, text], i) => {
      const top = PLOT.top + 12 + 18 * i;
      parts.push(svg("line", { x1: 430, x2: 456, y1: top, y2: top, stroke, "stroke-width": 2, "stroke-dasharray": dash }));
      parts.push(svg("text", { x: 463, y: top + 4 }, text));
    });
    $("curve").replaceChildren(...parts);
  };

  const region = (name, grid, e) => {
    const map = name === "spiral" && data.regions
      ? data.regions.maps[`${$("activation").value} ${chosen("bits")}`] : undefined;
    $("region").hidden = map === undefined;
    if (map === undefined) return;
    const { x0, y0, spacing, width, height, points } = data.regions;
    const packed = bytes(map);
    const scale = Math.max(1, Math.round(440 / width));
    const canvas = $("region-map");
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext("2d");
    for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) {
      const k = i * width + j;
      context.fillStyle = (packed[k >> 3] >> (7 - (k & 7))) & 1 ? "#f7d3bd" : "#c3dced";
      context.fillRect(j * scale, (height - 1 - i) * scale, scale, scale);
    }
    const place = (x, y) => [((x - x0) / spacing + 0.5) * scale, (height - 0.5 - (y - y0) / spacing) * scale];
    for (const [x, y, label] of points) {
      context.fillStyle = label ? "#a33a00" : "#0063a3";
      context.beginPath();
      context.arc(...place(x, y), 2.2, 0, 7);
      context.fill();
    }
    const [x, y] = points[Math.floor(points.length / 4)];
    const [left, top] = place(x - grid.steps[e], y + grid.steps[e]);
    const [right, bottom] = place(x + grid.steps[e], y - grid.steps[e]);
    context.strokeStyle = "#1d1d1f";
    context.lineWidth = 2;
    context.strokeRect(left, top, right - left, bottom - top);
    canvas.setAttribute("aria-label",
      `Decision regions of ${data.names[$("activation").value]} at ${grid.labels[grid.bits.indexOf(Number(chosen("bits")))]}`);
  };

  const rebuild = () => {
    const grid = data.grids[$("dataset").value];
    options($("activation"), grid.activations, (a) => data.names[a]);
    keys($("bits"), "bits", grid.bits, (q) => grid.labels[grid.bits.indexOf(q)]);
    const slider = $("epsilon");
    slider.max = grid.epsilons.length - 1;
    slider.value = grid.epsilons.findIndex((epsilon) => epsilon >= 0.05);
    explore();
  };
  options($("dataset"), Object.keys(data.grids), (d) => data.names[d]);
  $("dataset").addEventListener("change", rebuild);
  $("choices").addEventListener("input", (event) => event.target.id !== "dataset" && explore());
  $("choices").addEventListener("submit", (event) => event.preventDefault());
  rebuild();

  // Digits: the picture that the hardware is shown, and the class that each width gives it.

  const paint = (canvas, colour) => {
    const context = canvas.getContext("2d");
    const picture = context.createImageData(28, 28);
    for (let i = 0; i < 784; i++) picture.data.set([...colour(i), 255], 4 * i);
    context.putImageData(picture, 0, 0);
  };
  const grey = (code) => [255 - code, 255 - code, 255 - code];

  const digit = () => {
    const { images, attacks, epsilons, steps, says_bits: widths, labels } = data.digits;
    const { image, label, pixels: text } = images[Number(chosen("image"))];
    const bits = $("digit-bits").value;
    const attack = attacks[`${image} ${$("digit-activation").value} ${bits}`];
    const e = Number($("digit-epsilon").value);
    const pixels = bytes(text);
    const signs = bytes(attack.signs);
    const change = (i) => steps[e] * (((signs[i >> 2] >> (2 * (i & 3))) & 3) - 1);
    const shown = (i) => Math.min(255, Math.max(0, pixels[i] + change(i)));
    paint($("clean"), (i) => grey(pixels[i]));
    paint($("attacked"), (i) => grey(shown(i)));
    paint($("change"), (i) => {
      const moved = shown(i) - pixels[i];
      const pale = 255 - Math.min(255, 4 * Math.abs(moved));
      return moved > 0 ? [255, (pale + 255) >> 1, pale] : moved < 0 ? [pale, (pale + 255) >> 1, 255] : [255, 255, 255];
    });
    $("digit-epsilon-value").textContent = strengthAt(data.digits, e, steps);
    $("change-caption").textContent = `the attack: orange up, blue down, by ${steps[e]} of 255`;
    $("clean").setAttribute("aria-label", `Test image ${image}, a ${label}`);
    $("change").setAttribute("aria-label", `Change of each pixel by at most ${steps[e]} codes`);
    $("attacked").setAttribute("aria-label", `The attacked image, strength ${epsilons[e]}`);
    $("says-caption").textContent =
      `Test image ${image} is a ${label}. Attacked from the network of ${labels[bits]}, the integers of each width say:`;
    $("says-widths").replaceChildren(...widths.map((q) =>
      element("th", { scope: "col", class: String(q) === bits ? "own" : "" }, labels[q])));
    $("says").replaceChildren(...widths.map((q, k) => {
      const said = Number(attack.says[e][k]);
      const cell = element("td", { class: said === label ? "right" : "wrong" }, String(said));
      cell.append(element("small", {}, said === label ? "right" : "wrong"));
      return cell;
    }));
  };

  if (data.digits) {
    const { images, activations, bits, labels, epsilons } = data.digits;
    keys($("images"), "image", images.map((_, i) => i), (i) => {
      const canvas = element("canvas", { width: 28, height: 28, role: "img", "aria-label": `a ${images[i].label}` });
      const pixels = bytes(images[i].pixels);
      paint(canvas, (k) => grey(pixels[k]));
      return canvas;
    });
    options($("digit-activation"), activations, (a) => data.names[a]);
    options($("digit-bits"), bits, (q) => labels[q]);
    $("digit-bits").value = Math.max(...bits.filter((q) => q <= 10));
    $("digit-epsilon").max = epsilons.length - 1;
    $("digit-epsilon").value = epsilons.findIndex((epsilon) => epsilon >= 0.1);
    $("digit-choices").addEventListener("input", digit);
    $("digit-choices").addEventListener("submit", (event) => event.preventDefault());
    digit();
  }

  // Figures of one path at a time; claims of one verdict; a claim that is linked to opens.

  for (const input of document.querySelectorAll('input[name="path"]'))
    input.addEventListener("change", () => {
      for (const figure of document.querySelectorAll("figure[data-path]"))
        figure.hidden = figure.dataset.path !== chosen("path");
    });
  $("filter").addEventListener("change", () => {
    for (const row of document.querySelectorAll("tr[data-verdict]"))
      row.hidden = chosen("filter") !== "" && row.dataset.verdict !== chosen("filter");
  });
  const reveal = (hash) => {
    const row = hash.length > 1 ? $(decodeURIComponent(hash.slice(1))) : null;
    if (row?.dataset.verdict === undefined) return;
    row.hidden = false;
    row.querySelector("details").open = true;
  };
  for (const link of document.querySelectorAll('.columns a'))
    link.addEventListener("click", () => reveal(link.hash));
  window.addEventListener("hashchange", () => reveal(location.hash));
  reveal(location.hash);
})();
