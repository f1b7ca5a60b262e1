// Loads Plotly.js once, from the page's first moment on: while Python works out the first figure, not after.
window.qfusionPlotly ??= address => (window.qfusionLibrary ??= new Promise((loaded, failed) => {
  const script = document.createElement('script');
  script.src = address;
  script.onload = () => loaded(window.Plotly);
  script.onerror = () => { window.qfusionLibrary = undefined; failed(new Error(`${address} could not be loaded.`)); };
  document.head.append(script);
}));
