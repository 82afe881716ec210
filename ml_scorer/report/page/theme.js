// Light or dark: what the system prefers, until the reader says otherwise. Tells the page when it changes.
(() => {
  "use strict";
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const key = "ml-scorer-theme";
  const kept = {
    // A page that is opened from a file may have no storage.
    get() { try { return localStorage.getItem(key); } catch { return null; } },
    set(theme) { try { localStorage.setItem(key, theme); } catch { /* it holds until the page is closed */ } },
  };
  const current = () => root.dataset.theme || (prefersDark.matches ? "dark" : "light");
  const show = () => {
    const other = current() === "dark" ? "Light" : "Dark";
    button.textContent = other;
    button.setAttribute("aria-label", `Switch to ${other.toLowerCase()} colours`);
    document.dispatchEvent(new CustomEvent("themechange", { detail: current() }));
  };
  const said = kept.get();
  if (said === "light" || said === "dark") root.dataset.theme = said;
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = current() === "dark" ? "light" : "dark";
    kept.set(root.dataset.theme);
    show();
  });
  prefersDark.addEventListener("change", show);
  show();
})();
