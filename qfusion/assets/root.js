// Where the server's addresses begin: beside this page. Streamlit would look below the page's own address first.
window.__streamlit = { BACKEND_BASE_URL: new URL('.', location.href).href };
