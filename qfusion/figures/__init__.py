"""Figures: arrays in, plotly figure out.

Every function names its template and colours itself (importing streamlit replaces plotly's defaults by
placeholders), escapes what comes from data, and takes `theme="light"|"dark"`.
"""
