// What every page has, the desk included: the theme switch, and relative times that go on.
"use strict";
(() => {
  const YEAR = 31536000;
  const scheme = document.querySelector('meta[name="color-scheme"]');
  const isDark = () =>
    scheme.content === "dark" || (scheme.content !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);

  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      scheme.content = isDark() ? "light" : "dark";
      document.cookie = `theme=${scheme.content}; path=/; max-age=${YEAR}; samesite=lax`;
    });
  }

  // The same words as `age` in traders/templatetags/figures.py.
  const age = (seconds) => {
    if (seconds < 60) return "just now";
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    return seconds < 86400 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86400)} d ago`;
  };
  setInterval(() => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      time.textContent = age((Date.now() - Date.parse(time.dateTime)) / 1000);
    }
  }, 30000);
})();
