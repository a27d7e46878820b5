// Sets the chosen theme before anything is drawn, then starts the page.
try {
  const theme = localStorage.getItem("timberline.theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's theme.
}
try {
  const page = await import("/{{script}}");
  await page.default({ module_or_path: "/{{wasm}}" });
} catch (error) {
  document.body.textContent = `The page could not start: ${error}. Reload it; if that does not help, this browser may lack WebAssembly.`;
}
