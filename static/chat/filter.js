/** A field that leaves of a list what contains its text. */
for (const field of document.querySelectorAll("[data-filter]")) {
  const items = document.querySelectorAll(field.dataset.filter);
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLocaleLowerCase();
    for (const item of items) item.hidden = !item.textContent.toLocaleLowerCase().includes(wanted);
  });
}
