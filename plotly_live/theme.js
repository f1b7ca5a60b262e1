// The colours of the app's theme, for figures with Streamlit's template of plotly.
//
// That template holds signs, '#000001' and so on, which `st.plotly_chart` replaces in the browser; see
// streamlit_plotly_theme.py of Streamlit.

const SCALES = {categorical: 1, sequential: 11, diverging: 21};  // the first of ten signs
const COLOURS = {32: 'green-color', 33: 'red-color', 34: 'gray-color', 36: 'text-color', 37: 'text-color',
  38: 'background-color', 39: 'border-color-light', 40: 'secondary-background-color'};

// The figure that is given as JSON, in the colours and letters of the theme that stands on an element.
function themed(element, text) {
  if (!text.includes('"#000001"')) return JSON.parse(text);
  const style = getComputedStyle(element), value = name => style.getPropertyValue(`--st-${name}`).trim(), colours = {};
  for (const [name, first] of Object.entries(SCALES))
    value(`chart-${name}-colors`).split(',').forEach((colour, n) => { colours[first + n] = colour.trim(); });
  for (const [sign, name] of Object.entries(COLOURS)) colours[sign] = value(name);
  const colour = (sign, n) => colours[Number(n)] ? JSON.stringify(colours[Number(n)]) : sign;
  const replaced = text.replace(/"#0000(\d\d)"/g, colour);
  const figure = JSON.parse(replaced), {template, title} = figure.layout;
  if (!template) return figure;
  const lines = {gridcolor: value('border-color-light'), zerolinecolor: value('border-color'), automargin: true};
  const clear = 'rgba(0, 0, 0, 0)', margin = {l: 8, r: 8, t: title?.text ? 48 : 16, b: 8};
  template.layout = {paper_bgcolor: clear, plot_bgcolor: clear, margin, xaxis: lines, yaxis: lines,
    modebar: {bgcolor: clear, color: value('gray-color'), activecolor: value('text-color')},
    font: {color: value('text-color'), family: value('font')}, ...template.layout};
  return figure;
}
