// Loads Plotly.js once for all figures of a page, and as early as a page asks for it.
window.plotlyLiveLibrary ??= address => (window.plotlyLiveLoading ??= new Promise((loaded, failed) => {
  const script = document.createElement('script');
  script.src = address;
  script.onload = () => loaded(window.Plotly);
  script.onerror = () => {
    window.plotlyLiveLoading = undefined;
    failed(new Error(`${address} could not be loaded.`));
  };
  document.head.append(script);
}));
