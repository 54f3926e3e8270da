// The back office's theme draws its page from plain boxes; people who listen to it need the landmark.
document.addEventListener("DOMContentLoaded", () => {
  document.getElementById("main")?.setAttribute("role", "main");
});
