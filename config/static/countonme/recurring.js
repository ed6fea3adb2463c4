"use strict";
// Of the fields that say when, only those that the chosen repetition needs are shown.
document.addEventListener("DOMContentLoaded", () => {
  const repeat = document.getElementById("id_when-repeat");
  if (!repeat) return;
  const needs = { weekday: ["week"], month_day: ["month"], time: ["hour", "day", "weekdays", "week", "month"] };
  function fit() {
    for (const [name, repeats] of Object.entries(needs)) {
      const line = document.getElementById(`id_when-${name}`).closest(".group");
      line.style.display = repeats.includes(repeat.value) || line.classList.contains("errors") ? "" : "none";
    }
  }
  repeat.addEventListener("change", fit);
  fit();
});
