"use strict";
// The page of a job that has not ended asks once a second how far it is, and is loaded anew when it has.
document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("job-progress");
  if (!panel || panel.dataset.ended === "yes") return;
  const part = (name) => panel.querySelector(`[data-job=${name}]`);
  let pause = 1000;
  async function look() {
    try {
      const answer = await fetch(panel.dataset.url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.status);
      const job = await answer.json();
      for (const name of ["status", "message", "progress"]) part(name).textContent = job[name];
      part("bar").style.width = `${job.percent}%`;
      if (job.ended) return window.location.reload();
      pause = 1000;
    } catch {
      pause = Math.min(pause * 2, 30000); // signed out, or the server restarts
    }
    window.setTimeout(look, pause);
  }
  window.setTimeout(look, pause);
});
