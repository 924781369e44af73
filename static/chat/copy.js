/** A button that copies the field before it. */
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = button.previousElementSibling;
    field.select();
    // The clipboard is missing where a page came by plain HTTP from another machine.
    if (navigator.clipboard) await navigator.clipboard.writeText(field.value);
    else document.execCommand("copy");
    button.textContent = "Copied";
  });
}
