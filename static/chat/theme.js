// A classic script, so that it runs before the first paint: no flash in the other theme.
try {
  const theme = localStorage.getItem("chat:theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {} // storage is forbidden: the system's theme it is
