"""Decision operators and faithfulness in Chromium: a group is picked, a point of the scatter opens its sample, views
open."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.browser import follow, settle, visit, wait_for_words

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture
EXCESS = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth; }"


def test_from_a_group_to_the_nearest_sample_to_when_not_to_trust_it(visit: Any) -> None:
    page = visit("/operators?model=qj-planted&sample=p0031")
    page.get_by_role("radio", name="text with audio", exact=True).click()
    wait_for_words(page, "eigenstates of text and audio raise")
    settle(page)
    assert "votes=text+with+audio" in page.url
    x, y, wanted = page.evaluate("""() => {
      const plot = document.querySelector('.st-key-panel-along .js-plotly-plot'), layout = plot._fullLayout;
      plot.scrollIntoView({block: 'center'});
      const trace = plot.calcdata.find(points => points[0].trace.name === 'samples');
      const corner = plot.getBoundingClientRect();
      const places = trace.map(point => [corner.x + layout.xaxis._offset + layout.xaxis.c2p(point.x),
                                         corner.y + layout.yaxis._offset + layout.yaxis.c2p(point.y)]);
      const lonely = places.map((a, i) => Math.min(
        ...places.map((b, j) => i === j ? 1e9 : Math.hypot(a[0] - b[0], a[1] - b[1]))));
      const best = lonely.indexOf(Math.max(...lonely));
      return [places[best][0], places[best][1], trace[0].trace.customdata[best]];
    }""")
    page.mouse.move(x, y)
    page.wait_for_timeout(300)
    page.mouse.click(x, y)
    page.wait_for_function(
        "id => document.querySelector('.st-key-sample input').value === id", arg=wanted
    )
    settle(page)
    follow(page, "Faithfulness")
    assert "Limits of the explanations of qj-planted" in page.inner_text("body")
    assert "our order beats every one of 10 random orders" in page.inner_text("body")
    page.get_by_role("tab", name="Truth").click()
    wait_for_words(page, "Rank correlations with the truth")
    settle(page)
    for width in (1440, 800):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate(EXCESS) <= 0
