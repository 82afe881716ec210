// Draws the charts, one after the other when there is nothing better to do, and again when the theme changes.
(() => {
  "use strict";
  if (typeof vegaEmbed === "undefined") return;
  const figures = [...document.querySelectorAll("[data-chart]")];
  const theme = () =>
    document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const drawn = new Map();
  const loader = { load: () => Promise.reject(new Error("this page loads nothing")) };
  const parts = (figure) => JSON.parse(document.getElementById(`${figure.dataset.chart}-data`).textContent);
  const leastWidth = 720; // of a saved chart, in pixels: also of one that was seen on a phone
  let turn = 0;

  const draw = async (figure, mode) => {
    const { spec, config, options } = parts(figure);
    const result = await vegaEmbed(figure, spec, { ...options, loader, config: config[mode] });
    drawn.get(figure)?.finalize();
    drawn.set(figure, result);
    figure.dataset.drawn = mode;
    figure.setAttribute("role", "img"); // its caption says what it shows
    figure.setAttribute("aria-label", `Chart: ${figure.dataset.title}`);
    if (!figure.nextElementSibling?.matches(".save")) figure.after(saving(figure));
  };

  // A file is for a paper or a slide: it is drawn anew, dark on white, whatever the page looks like.
  const save = async (figure, format) => {
    const { spec, config, options } = parts(figure);
    const width = spec.width === "container" ? { width: Math.max(leastWidth, figure.clientWidth) } : {};
    const result = await vegaEmbed(document.createElement("div"), { ...spec, ...width }, {
      ...options, loader, config: { ...config.light, background: "white" },
    });
    const link = document.createElement("a");
    link.download = `${figure.dataset.chart.replace(/^chart-/, "")}.${format}`;
    const svg = async () => URL.createObjectURL(new Blob([await result.view.toSVG()], { type: "image/svg+xml" }));
    link.href = format === "svg" ? await svg() : await result.view.toImageURL("png", 2);
    link.click();
    if (format === "svg") setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    result.finalize();
  };

  const saving = (figure) => {
    const tools = document.createElement("p");
    tools.className = "save";
    for (const format of ["svg", "png"]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `Save as ${format.toUpperCase()}`;
      button.setAttribute("aria-label", `${button.textContent}: ${figure.dataset.title}`);
      button.addEventListener("click", () => save(figure, format).catch(console.error));
      tools.append(button);
    }
    return tools;
  };

  const drawAll = async () => {
    const mine = ++turn, mode = theme();
    for (const figure of figures) {
      await new Promise((done) => (window.requestIdleCallback || setTimeout)(done, { timeout: 300 }));
      if (mine !== turn) return;
      try {
        await draw(figure, mode);
      } catch (error) {
        console.error(error);
        figure.textContent = `This chart could not be drawn; ${figure.dataset.instead}.`;
      }
    }
  };
  document.addEventListener("themechange", drawAll);
  drawAll();
})();
