// Two checkpoints side by side, on the same images: what `ml-scorer compare` computes, from the bits in this page.
(() => {
  "use strict";
  const block = document.getElementById("comparison-data");
  if (!block || typeof DecompressionStream === "undefined") return;
  const data = JSON.parse(block.textContent);
  const rounding = 1e-12; // what a difference of shares is off by at most
  const images = data.classes.reduce((sum, [, , size]) => sum + size, 0);
  const first = document.getElementById("first"), second = document.getElementById("second");
  const shown = document.getElementById("compared"), verdict = document.getElementById("verdict");

  // Each checkpoint but the first is stored as its difference from the one before.
  const unzipped = async (text) => {
    const zipped = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  };
  const unpack = async () => {
    const bytes = new Uint8Array(await unzipped(data.bits));
    for (let at = data.bytes; at < bytes.length; at++) bytes[at] ^= bytes[at - data.bytes];
    if (data.open === null) return { bytes, open: null };
    const kind = data.open_bytes === 1 ? Uint8Array : Uint16Array;
    return { bytes, open: new kind(await unzipped(data.open)) };
  };

  // Right images of both, of A alone and of B alone, by class.
  const counted = (bytes, a, b) => {
    let image = 0;
    return data.classes.map(([, , size]) => {
      const counts = { both: 0, onlyA: 0, onlyB: 0 };
      for (const end = image + size; image < end; image++) {
        const byte = image >> 3, bit = 128 >> (image & 7);
        const inA = bytes[a * data.bytes + byte] & bit, inB = bytes[b * data.bytes + byte] & bit;
        if (inA && inB) counts.both++; else if (inA) counts.onlyA++; else if (inB) counts.onlyB++;
      }
      return counts;
    });
  };

  // Stratified variance of the weighted average of differences d in {-1, 0, 1}: the deviations from each stratum's average.
  const variance = (classes) => {
    const weight = new Map(), sum = new Map();
    classes.forEach(({ onlyA, onlyB }, c) => {
      const group = data.groups[c], w = data.weights[c];
      weight.set(group, (weight.get(group) || 0) + w * data.classes[c][2]);
      sum.set(group, (sum.get(group) || 0) + w * (onlyA - onlyB));
    });
    return classes.reduce((total, { onlyA, onlyB }, c) => {
      const average = sum.get(data.groups[c]) / weight.get(data.groups[c]);
      const squares = onlyA + onlyB - 2 * average * (onlyA - onlyB) + data.classes[c][2] * average * average;
      return total + data.scales[c] * data.scales[c] * squares;
    }, 0);
  };

  // What the difference could become, were the labels judged that no expert has judged: such a label that only one of
  // the two predicts could become right. The same label would be right for both.
  const leftOpen = (open, a, b, difference) => {
    if (open === null) return { lowest: null, highest: null };
    const number = data.names.length;
    let image = 0, less = 0, more = 0;
    data.classes.forEach(([, , size], c) => {
      for (const end = image + size; image < end; image++) {
        const ofA = open[image * number + a], ofB = open[image * number + b];
        if (ofA === ofB) continue;
        if (ofA) more += data.weights[c];
        if (ofB) less += data.weights[c];
      }
    });
    return { lowest: difference - less, highest: difference + more };
  };

  // Two-sided exact McNemar: the binomial tails at 1/2, doubled.
  const mcnemar = (onlyA, onlyB) => {
    const n = onlyA + onlyB, fewer = Math.min(onlyA, onlyB);
    let logTerm = -n * Math.LN2;
    for (let k = 1; k <= fewer; k++) logTerm += Math.log((n - k + 1) / k);
    let sum = 0, ratio = 1;
    for (let k = fewer; k >= 0 && ratio > 1e-18; k--) {
      sum += ratio;
      ratio *= k / (n - k + 1);
    }
    return Math.min(1, 2 * sum * Math.exp(logTerm));
  };

  const compared = ({ bytes, open }, a, b) => {
    const classes = counted(bytes, a, b);
    const total = (key) => classes.reduce((sum, counts) => sum + counts[key], 0);
    const [both, onlyA, onlyB] = ["both", "onlyA", "onlyB"].map(total);
    const neither = images - both - onlyA - onlyB;
    const difference = data.scores[a] - data.scores[b];
    const margin = data.critical === null ? Infinity : data.critical * Math.sqrt(variance(classes) + data.added);
    const shareA = (both + onlyA) / images, shareB = (both + onlyB) / images;
    const expected = shareA * shareB + (1 - shareA) * (1 - shareB);
    return {
      a: data.names[a], b: data.names[b], difference,
      low: Math.max(-1, difference - margin), high: Math.min(1, difference + margin),
      ...leftOpen(open, a, b, difference),
      both, onlyA, onlyB, neither, p: mcnemar(onlyA, onlyB),
      kappa: expected < 1 ? ((both + neither) / images - expected) / (1 - expected) : null,
      classes: classes.map((counts, c) => ({
        name: data.classes[c][1], images: data.classes[c][2],
        a: counts.both + counts.onlyA, b: counts.both + counts.onlyB,
      })),
    };
  };

  const element = (tag, content, attributes = {}) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...[content].flat());
    return made;
  };
  const count = (number) => number.toLocaleString("en");
  const percent = (share) => `${(100 * share).toFixed(2)}%`;
  const points = (share) => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(2)}`;
  const power = (exponent) => ["10", element("sup", `−${exponent}`)];
  const probability = (p) => {
    if (p >= 0.001) return [`p = ${p.toFixed(3)}`];
    if (p < 1e-300) return ["p < ", ...power(300)];
    const [digits, exponent] = p.toExponential(1).split("e-");
    return [`p = ${digits} × `, ...power(exponent)];
  };
  const table = (headings, rows, text = 1) => element("table", [
    element("thead", element("tr", headings.map((heading, at) =>
      element("th", heading, { scope: "col", class: at < text ? "text" : "number" })))),
    element("tbody", rows.map((row) => element("tr", row.map((cell, at) =>
      at === 0 ? element("th", cell, { scope: "row" }) : element("td", cell))))),
  ]);

  const classTable = (title, rows) => element("div", [
    element("h3", title),
    rows.length
      ? table(["Class", "Images", "A", "B"], rows.map((row) => [row.name.split(",")[0], row.images, row.a, row.b].map(String)))
      : element("p", "None.", { class: "quiet" }),
  ]);

  const show = (result) => {
    const tells = result.low > 0 || result.high < 0;
    const ahead = result.difference === 0 ? "A and B score the same"
      : `${result.difference > 0 ? "A" : "B"} is ahead by ${Math.abs(100 * result.difference).toFixed(2)} points`;
    const { lowest, highest } = result;
    const isOpen = lowest < -rounding && highest > rounding;
    const unreviewed = lowest === null || (lowest === highest) ? "" :
      ` Labels that no expert judged could make it anything from ${points(lowest)} to ${points(highest)}${
        isOpen ? ": it is open which is better." : "."}`;
    const sentence = [
      `${data.measure}, A − B: `, element("strong", `${points(result.difference)} points`),
      ` (${Number((100 * data.confidence).toPrecision(12))}% interval ${points(result.low)} to ${points(result.high)}). ${ahead}; `,
      tells ? "the interval excludes zero." : "the interval includes zero: the images do not tell which is better.",
      unreviewed,
    ];
    const gap = (row) => (row.a - row.b) / row.images;
    const byGap = (sign) => result.classes.filter((row) => sign * (row.a - row.b) > 0)
      .sort((x, y) => sign * (gap(y) - gap(x)) || y.images - x.images).slice(0, 8);
    const facts = element("div", [
      element("h3", "Images"),
      table(["Right", "Images"], [
        ["Both", count(result.both)], ["Only A", count(result.onlyA)],
        ["Only B", count(result.onlyB)], ["Neither", count(result.neither)],
      ]),
      element("p", [
        "Exact McNemar test on the images: ", ...probability(result.p), ". ",
        result.kappa === null ? "" : `Agreement of errors (Cohen’s kappa): ${result.kappa.toFixed(3)}.`,
      ], { class: "quiet" }),
    ]);
    verdict.replaceChildren(...sentence);
    shown.replaceChildren(
      element("div", [facts, classTable("Classes where A is better", byGap(1)), classTable("Classes where B is better", byGap(-1))],
        { class: "pair" }),
    );
    // For programs, and for the tests: the numbers before they are rounded.
    const { classes, ...numbers } = result;
    shown.dataset.result = JSON.stringify(numbers);
  };

  unpack().then((unpacked) => {
    for (const select of [first, second]) {
      select.append(...data.names.map((name, at) => {
        const option = element("option", `${name} · ${percent(data.scores[at])}`);
        option.value = String(at);
        return option;
      }));
    }
    first.value = "0";
    second.value = "1";
    const update = () => show(compared(unpacked, Number(first.value), Number(second.value)));
    first.addEventListener("change", update);
    second.addEventListener("change", update);
    document.getElementById("swap").addEventListener("click", () => {
      [first.value, second.value] = [second.value, first.value];
      update();
    });
    document.getElementById("comparison").hidden = false;
    update();
  }).catch((error) => {
    console.error(error);
    document.getElementById("comparison").hidden = false;
    verdict.textContent = "The comparison could not be unpacked in this browser.";
  });
})();
