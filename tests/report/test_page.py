"""The HTML page in a real Chromium: what it shows, how it follows the filter, and that everybody can use it."""

from __future__ import annotations

import re

import pytest
from ledgers import ledger

SECTIONS = ("tests", "limits", "spend", "calls")
CHARTS = ("timeline", "levels", "cost", "tokens")


def tile(opened, name):
    return opened.page.locator(f"#tiles div:has(dt:text-is('{name}')) dd").first.inner_text()


def body_colour(opened):
    return opened.page.evaluate("getComputedStyle(document.body).backgroundColor")


def focused(opened):
    name = "(({ id, name, tagName, textContent }) => id || name || `${tagName} ${textContent.trim()}`)"
    return opened.page.evaluate(f"{name}(document.activeElement)")


def open_call(opened, index):
    """Open a call as a link does, and wait until it stands."""
    opened.page.evaluate(f"location.hash = 'call={index}'")
    opened.page.wait_for_selector(f"#call[data-call='{index}']")


def unfold(opened):
    """Show every part of the call that is open."""
    opened.page.evaluate("document.querySelectorAll('#call details').forEach((part) => { part.open = true; })")


# What is there


def test_the_tiles_say_what_the_ledger_says(show, medium):
    opened = show(medium)

    assert tile(opened, "Tests") == "60"
    assert tile(opened, "Calls") == "400"
    assert tile(opened, "Tokens") == f"{medium.totals.tokens:,}"
    assert tile(opened, "Cost at list price") == f"${medium.totals.cost:.4f}".rstrip("0")
    assert tile(opened, "Findings") == f"{medium.totals.errors} errors"


@pytest.mark.parametrize("size", ["small", "large"])
def test_one_test_and_two_thousand_are_shown_alike(show, size, request):
    opened = show(request.getfixturevalue(size))

    assert [opened.rows(section) > 0 for section in SECTIONS] == [True] * 4
    assert [opened.chart(name)["marks"] > 0 for name in CHARTS] == [True] * 4


def test_the_document_stays_small_however_many_calls_there_are(show, large):
    opened = show(large)

    assert opened.page.locator("#calls .pager").inner_text().endswith("1–50 of 20,000")
    assert opened.rows("calls") == 50
    assert opened.page.evaluate("document.querySelectorAll('*').length") < 4_000


def test_an_empty_session_says_so(show):
    opened = show(ledger(tests=1, calls=0))

    assert "Nothing was found." in opened.page.locator("#findings").inner_text()
    assert tile(opened, "Fullest limit") == "–"
    assert opened.page.locator("#timeline .chart").is_hidden()


def test_the_timeline_has_a_row_for_every_test_of_the_page_and_a_mark_for_every_call(show, medium):
    opened = show(medium)

    drawn = opened.chart("timeline")

    assert len(drawn["rows"]) == opened.rows("tests") == 25
    shown = {opened.page.locator("#tests tbody th").nth(row).inner_text() for row in range(25)}
    assert drawn["marks"] == sum(medium.tests[call.test].id in shown for call in medium.calls)


def test_turning_the_tests_page_turns_the_timeline(show, medium):
    opened = show(medium)

    opened.page.get_by_role("navigation", name="Pages of Tests").get_by_role("button", name="Last").click()

    assert len(opened.chart("timeline")["rows"]) == opened.rows("tests") == 10


def test_the_timeline_counts_calls_where_no_time_passed(show, small):
    opened = show(small)

    assert opened.page.get_by_role("radio", name="call number").is_checked()


def test_levels_tell_the_refusals_of_the_limit_and_draw_another_one_on_request(show, medium):
    opened = show(medium)

    first = opened.page.locator("#levels figcaption").inner_text()
    opened.page.get_by_role("button", name="Draw RPM of zai-org/GLM-5.1").click()
    second = opened.page.locator("#levels figcaption").inner_text()

    assert re.search(r"limits refused [1-9]\d* calls?", first)
    assert "RPM of zai-org/GLM-5.1 peaked at" in second
    assert opened.chart("levels")["marks"] > 0


def test_every_limit_has_its_peak_and_its_refusals(show, medium):
    kind, model = "TPM", "openai/gpt-oss-120b"
    levels = [call.limits[kind] for call in medium.calls if call.model == model and call.limits]
    refusals = sum(call.model == model and call.refused is not None for call in medium.calls)
    opened = show(medium)

    row = opened.page.locator("#limits tbody tr").filter(has_text=model).filter(has_text=kind)

    used, limit = max(levels)
    assert f"{used:,.0f} of {limit:,.0f}" in row.inner_text()
    assert row.locator("td").nth(3).inner_text() == str(refusals)


def test_cost_and_tokens_are_told_by_model_and_by_test(show, medium):
    opened = show(medium)

    by_model = opened.chart("cost")["rows"], opened.rows("spend")
    opened.page.get_by_role("radio", name="test", exact=True).check()
    by_test = opened.chart("cost")["rows"], opened.rows("spend")

    assert by_model[1] == 5
    assert "together zai-org/GLM-5.1" in by_model[0]
    assert by_test[1] == 15
    assert by_test[0][-1].startswith("48 others")


def test_a_finding_opens_into_request_reply_and_difference(show, medium):
    opened = show(medium)
    finding = opened.page.locator("#findings details").first

    finding.locator("summary").click()

    text = finding.inner_text()
    assert "how to fix\nleave the field out" in text
    assert "llmcontract explain LLM1" in text
    assert '"logprobs": true' in finding.get_by_label("Request").inner_text()
    assert "is unsupported" in finding.get_by_label("Reply").inner_text()
    assert finding.locator(".removed").inner_text().strip() == '-   "logprobs": true'


def test_equal_findings_stand_once_and_the_gravest_first(show, many):
    groups = {(item.severity, item.code, item.message, item.site) for item in many.violations}
    opened = show(many)

    kinds = opened.page.locator("#findings details").evaluate_all("all => all.map((one) => one.classList[1])")

    assert len(groups) < len(many.violations)
    assert len(kinds) == min(len(groups), 20)
    assert kinds == sorted(kinds, key=["error", "warning", "note"].index)


def test_a_broken_budget_comes_first(show, medium):
    opened = show(medium)

    assert [row.split()[0] for row in opened.texts("#budgets > div tbody tr")] == ["cost"]
    assert "broken" in opened.texts("#budgets > div tbody tr")[0]


def test_budgets_that_were_kept_fold_away(show, medium):
    opened = show(medium)
    kept = opened.page.locator("#budgets details")
    before = kept.locator("tbody tr").is_visible()

    kept.locator("summary").click()

    assert not before
    assert kept.locator("summary").inner_text() == "1 budget was kept"
    assert kept.locator("tbody tr").inner_text().split()[0] == "calls"


# Filter and search


def test_a_provider_narrows_tiles_tables_and_charts(show, medium):
    mine = [call for call in medium.calls if call.provider == "together"]
    opened = show(medium)

    opened.filter("provider", "together")

    assert tile(opened, "Calls") == f"{len(mine)}"
    assert opened.page.locator("#calls .pager").inner_text().endswith(f"of {len(mine)}")
    assert all("together" in row for row in opened.texts("#calls tbody td:nth-child(3)"))
    assert all(name.startswith("together") for name in opened.chart("tokens")["rows"])


@pytest.mark.parametrize(
    ("name", "value", "passes"),
    [
        ("model", "llama-3.1-8b-instant", lambda call: call.model == "llama-3.1-8b-instant"),
        ("status", "429", lambda call: call.status == 429),
        ("status", "null", lambda call: call.status is None),
        ("status", "refused", lambda call: call.status is None or call.status >= 400),
        ("text", "OVER_capacity planner.py", lambda call: call.error == "over_capacity" and "planner" in call.site),
        ("text", "ASH", lambda call: call.refused is not None and call.refused.limit == "ASH"),
    ],
)
def test_filters_of_calls(show, many, name, value, passes):
    opened = show(many)

    opened.filter(name, value)

    passing = sum(map(passes, many.calls))
    assert passing > 0
    assert opened.page.locator("#selected").inner_text().startswith(f"{passing:,} call")
    assert opened.rows("calls") == min(passing, 50)


def test_a_code_leaves_its_findings_and_their_calls(show, medium):
    opened = show(medium)
    found = [item for item in medium.violations if item.code == "LLM103"]

    opened.filter("code", "LLM103")

    assert found
    assert tile(opened, "Findings") == f"{len(found)} error" + "s" * (len(found) > 1)
    assert tile(opened, "Calls") == f"{len({item.call for item in found})}"
    assert all("LLM103" in text for text in opened.texts("#findings summary"))


def test_a_finding_about_a_whole_test_keeps_the_calls_of_that_test(show, medium):
    budget = medium.violations[0].model_copy(update={"code": "LLM401", "call": None, "test": 2, "provider": ""})
    opened = show(medium.model_copy(update={"violations": (budget,)}))

    opened.filter("code", "LLM401")

    assert tile(opened, "Tests") == "1"
    assert tile(opened, "Calls") == f"{sum(call.test == 2 for call in medium.calls)}"


def test_a_test_is_chosen_by_its_name(show, medium):
    opened = show(medium)
    name = medium.tests[3].id

    opened.page.locator("#tests tbody").get_by_role("button", name=name, exact=True).click()

    assert opened.page.locator("[name=test]").input_value() == name
    assert opened.texts("#tests tbody th") == [name]


def test_names_of_tests_are_offered_but_not_all_of_them(show, large):
    opened = show(large)

    opened.filter("test", "case-77")

    offered = opened.page.locator("#test-names option").evaluate_all("all => all.map((one) => one.value)")
    assert 0 < len(offered) <= 20
    assert all("case-77" in name for name in offered)


def test_a_filter_nothing_passes_says_so(show, medium):
    opened = show(medium)

    opened.filter("text", "no such thing")

    assert [opened.rows(section) for section in SECTIONS] == [0] * 4
    assert "Nothing passes the filter." in opened.page.locator("#calls").inner_text()
    assert "No finding passes the filter." in opened.page.locator("#findings").inner_text()
    assert opened.chart("timeline")["marks"] == 0


def test_clear_brings_everything_back(show, medium):
    opened = show(medium)
    opened.filter("status", "429")

    opened.page.get_by_role("button", name="Clear").click()

    opened.page.locator("#selected", has_text="All 400 calls").wait_for()
    assert tile(opened, "Calls") == "400"


def test_the_address_keeps_the_filter(show, medium):
    first = show(medium)
    first.filter("provider", "groq")
    first.filter("text", "test_answer")
    address = "#" + first.page.url.partition("#")[2]

    second = show(medium, address=address)

    assert second.page.locator("#selected").inner_text() == first.page.locator("#selected").inner_text()
    assert second.page.locator("[name=text]").input_value() == "test_answer"


def test_charts_that_were_replaced_are_forgotten(show, medium):
    opened = show(medium)
    held = "[Bokeh.documents.length, [...Bokeh.index].length]"
    for name in CHARTS:
        opened.chart(name)
    before = opened.page.evaluate(held)

    for provider in ("groq", "", "together", ""):
        opened.filter("provider", provider)
        for name in CHARTS:
            opened.chart(name)

    assert opened.page.evaluate(held) == before


def test_tests_are_filtered_by_outcome(show, many):
    failed = [test for test in many.tests if test.outcome == "failed"]
    opened = show(many)

    opened.filter("outcome", "bad")

    assert 0 < len(failed) < len(many.tests)
    assert tile(opened, "Tests") == f"{len(failed)}"
    assert {text.strip("✕ ") for text in opened.texts("#tests tbody td:nth-child(2)")} == {"failed"}


def test_the_filter_narrows_the_budgets(show, medium):
    opened = show(medium)

    opened.filter("test", medium.tests[1].id)

    assert not opened.page.locator("#budgets").inner_text().strip()


# One call


def test_from_a_failed_test_to_its_calls_in_one_click(show, many):
    opened = show(many)
    first = opened.page.locator("#tests tbody tr").first
    name = first.locator("th").inner_text()
    test = next(index for index, test in enumerate(many.tests) if test.id == name)
    theirs = [call for call in many.calls if call.test == test]
    wrong = next((n for n, call in enumerate(theirs) if call.status is None or call.status >= 400), 0)

    first.get_by_role("button", name=re.compile(r"^\d+ calls?$")).click()

    assert many.tests[test].outcome == "failed"
    assert opened.page.locator("#call .whose").inner_text().endswith(f"call {wrong + 1}")
    assert opened.page.locator("#call .position").inner_text() == f"{wrong + 1} of {len(theirs)}"


def test_an_opened_call_shows_all_that_is_known_of_it(show, medium):
    index = next(i for i, call in enumerate(medium.calls) if call.status == 200 and not call.stream and call.limits)
    call, opened = medium.calls[index], show(medium)

    open_call(opened, index)

    dialog = opened.page.locator("#call")
    unfold(opened)
    text = dialog.inner_text()
    for said in (
        f"Question {index + 1}: what is a lighthouse?", f"Answer {index + 1}.", "Bearer ***", f"req-{index + 1}",
        call.site, call.client, call.exchange.url,
    ):  # fmt: skip
        assert said in text
    levels = [row.split("\t") for row in dialog.locator("table.levels tbody tr").all_inner_texts()]
    used, limit = call.limits["RPM"]
    assert levels[0][1:4] == [f"{used - 1:,.0f}", "+1", f"{used:,.0f} of {limit:,.0f}"]


def test_a_stream_is_shown_as_text_and_as_events(show, medium):
    index = next(i for i, call in enumerate(medium.calls) if call.status == 200 and call.stream)
    opened = show(medium)

    open_call(opened, index)
    opened.page.locator("#call summary", has_text="Events").click()

    assert opened.texts("#call .said p")[-1] == "A tower with a light."
    assert opened.texts("#call .events mark") == ["A tower ", "with a light."]
    assert opened.page.locator("#call .events li").count() == 3


def test_a_reply_that_was_cut_off_stands_out(show, medium):
    data = medium.model_dump(mode="json")
    index = next(i for i, call in enumerate(data["calls"]) if call["status"] == 200 and call["stream"])
    data["calls"][index]["cut"] = "disconnect"
    opened = show(type(medium).model_validate(data))

    open_call(opened, index)

    assert opened.page.locator("#call h2").inner_text().startswith("◆200, cut off")
    assert "The connection broke here." in opened.page.locator("#call").inner_text()


def test_previous_and_next_are_a_key_away(show, medium):
    test = next(index for index in range(60) if sum(call.test == index for call in medium.calls) >= 3)
    first = next(index for index, call in enumerate(medium.calls) if call.test == test)
    opened = show(medium)
    open_call(opened, first)
    seen = []

    for key in ("ArrowRight", "j", "ArrowLeft"):
        opened.page.keyboard.press(key)
        seen.append(opened.page.locator("#call .whose").inner_text().rpartition(" ")[2])
    address = opened.page.url
    opened.page.keyboard.press("Escape")

    assert seen == ["2", "3", "2"]
    assert address.endswith(f"call={first + 1}")
    assert not opened.page.locator("#call").is_visible()
    opened.page.wait_for_function("!location.hash.includes('call=')")  # the dialog tells that it closed a little later


def test_a_link_leads_to_a_call(show, medium):
    opened = show(medium, address="#call=7")

    assert "Question 8" in opened.page.locator("#call").inner_text()


def test_a_finding_leads_to_its_call(show, medium):
    opened = show(medium)
    opened.page.locator("#findings summary").first.click()

    opened.page.locator("#findings details").first.get_by_role("button", name=re.compile(r"^call \d+$")).first.click()

    assert opened.page.locator("#call .finding").count() == 1


def test_a_call_whose_words_were_not_kept_says_so(show, medium):
    data = medium.model_dump(mode="json")
    data["calls"][0]["exchange"] = None
    opened = show(type(medium).model_validate(data))

    open_call(opened, 0)

    assert "is not in the ledger" in opened.page.locator("#call").inner_text()
    assert data["calls"][0]["site"] in opened.page.locator("#call").inner_text()


def test_what_costs_little_is_not_shown_as_nothing(show, small):
    data = small.model_dump(mode="json")
    for call in data["calls"]:
        call["cost"] = "0.00000002"
    opened = show(type(small).model_validate(data))

    assert tile(opened, "Cost at list price") == "$0.00000006"


def test_a_limit_that_the_test_filled_itself_is_no_headline(show, medium):
    data = medium.model_dump(mode="json")
    for call in data["calls"]:
        call["staged"] = list(call["limits"])
    calls = [call for call in data["calls"] if "TPM" in call["limits"]]
    calls[0]["staged"] = []
    calls[0]["limits"] = {"TPM": [1_000, 10_000]}
    opened = show(type(medium).model_validate(data))

    assert tile(opened, "Fullest limit") == "10%"
    assert "filled by the test itself" in opened.page.locator("#limits").inner_text()


# Tables


def test_the_pager_turns(show, medium):
    opened = show(medium)
    pager = opened.page.get_by_role("navigation", name="Pages of Calls")
    first = opened.texts("#calls tbody tr")[0]

    pager.get_by_role("button", name="Next").click()
    second = pager.inner_text()
    pager.get_by_role("button", name="Last").click()
    last = pager.inner_text()

    assert second.endswith("51–100 of 400")
    assert last.endswith("351–400 of 400")
    assert opened.texts("#calls tbody tr")[0] != first
    assert pager.get_by_role("button", name="Next").is_disabled()


def test_a_heading_sorts_and_says_which_way(show, medium):
    opened = show(medium)
    heading = opened.page.locator("#tests thead th", has_text="Cost")

    heading.get_by_role("button").click()
    falling = heading.get_attribute("aria-sort"), opened.texts("#tests tbody td:nth-child(7)")
    heading.get_by_role("button").click()
    rising = heading.get_attribute("aria-sort"), opened.texts("#tests tbody td:nth-child(7)")

    assert falling[0] == "descending"
    assert falling[1] == sorted(falling[1], reverse=True)
    assert rising[0] == "ascending"
    assert rising[1] == sorted(rising[1])


# Looks


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_until_the_button_is_pressed(show, small, scheme):
    opened = show(small, color_scheme=scheme)
    button = opened.page.get_by_role("button", name="Dark theme")
    before = body_colour(opened), opened.chart("levels")["colour"], button.get_attribute("aria-pressed")

    button.click()

    after = body_colour(opened), opened.chart("levels")["colour"], button.get_attribute("aria-pressed")
    assert before[2] == str(scheme == "dark").lower()
    assert [old != new for old, new in zip(before, after, strict=True)] == [True] * 3


def test_both_themes_differ_as_their_names_say(show, small):
    light, dark = (body_colour(show(small, color_scheme=scheme)) for scheme in ("light", "dark"))

    assert light == "rgb(255, 255, 255)"
    assert dark == "rgb(18, 22, 27)"


def test_a_narrow_window_scrolls_down_only(show, medium):
    opened = show(medium, width=400)

    assert opened.page.evaluate("document.documentElement.scrollWidth") == 400


@pytest.mark.parametrize(("wish", "behaviour"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_motion_is_left_out_for_who_wants_none(show, small, wish, behaviour):
    opened = show(small, reduced_motion=wish)

    assert opened.page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == behaviour


def test_paper_gets_light_charts_and_no_controls(show, small):
    opened = show(small, color_scheme="dark")
    for name in CHARTS:
        opened.chart(name)

    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")

    copies = opened.page.locator("canvas.paper")
    assert copies.count() == 4
    assert all(copy.is_visible() for copy in copies.all())
    assert "invert" in copies.first.evaluate("copy => getComputedStyle(copy).filter")
    assert opened.page.evaluate("getComputedStyle(document.body).colorScheme") == "light"
    for css in ("#filter", "#theme", "#timeline .zoom", "#timeline .chart"):
        assert opened.page.locator(css).is_hidden()

    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")

    assert copies.count() == 0


def test_it_prints(show, medium):
    assert show(medium).page.pdf(format="A4").startswith(b"%PDF")


# For everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["small", "medium"])
def test_axe_finds_no_barrier(show, size, scheme, request):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    opened = show(request.getfixturevalue(size), color_scheme=scheme)
    for name in CHARTS:
        opened.chart(name)
    for summary in opened.page.locator("#findings summary").all()[:3]:
        summary.click()

    found = axe.run(opened.page).response["violations"]
    open_call(opened, 0)
    unfold(opened)
    found += axe.run(opened.page).response["violations"]

    assert [(item["id"], item["impact"], item["nodes"][0]["target"]) for item in found] == []


def test_the_keyboard_walks_from_the_skip_link_over_the_filter(show, medium):
    opened = show(medium)
    walk = []

    for _ in range(10):
        opened.page.keyboard.press("Tab")
        walk.append(focused(opened))

    fields = ["text", "test", "outcome", "provider", "model", "status", "code"]
    assert walk == ["A Skip to the findings", "theme", *fields, "BUTTON Clear"]


def test_the_skip_link_leads_to_the_findings(show, medium):
    opened = show(medium)

    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press("Enter")

    assert focused(opened) == "findings"


def test_everything_can_be_done_with_the_keyboard(show, medium):
    opened = show(medium)
    pressed = {
        "#findings summary": "Enter",
        "#tests thead button >> nth=2": "Enter",
        "#calls .pager button >> nth=2": "Space",
        "#theme": "Space",
    }
    before = body_colour(opened)

    for css, key in pressed.items():
        opened.page.locator(css).first.focus()
        opened.page.keyboard.press(key)

    assert opened.page.locator("#findings details").first.get_attribute("open") is not None
    assert opened.page.locator("#tests thead th").nth(2).get_attribute("aria-sort") == "descending"
    assert opened.page.locator("#calls .pager").inner_text().endswith("51–100 of 400")
    assert body_colour(opened) != before


def test_zoom_buttons_change_what_the_timeline_shows(show, medium):
    opened = show(medium)
    opened.chart("timeline")
    span = """() => {
      const plot = Bokeh.documents.flatMap((shown) => shown.roots()).find((root) => root.name === "timeline");
      return plot.x_range.end - plot.x_range.start;
    }"""
    whole = opened.page.evaluate(span)

    opened.page.locator("#timeline").get_by_role("button", name="Zoom in").click()
    half = opened.page.evaluate(span)
    opened.page.locator("#timeline").get_by_role("button", name="Zoom out to the whole").click()

    assert half == pytest.approx(whole / 2)
    assert opened.page.evaluate(span) == pytest.approx(whole)


def test_every_chart_says_in_words_what_it_shows(show, medium):
    opened = show(medium)

    for name in CHARTS:
        label = opened.page.locator(f"#{name} [role=img]").get_attribute("aria-label")
        assert label == opened.page.locator(f"#{name} figcaption").inner_text()
        assert re.search(r"\d", label)


# Safe


HOSTILE = "</script><script>window.hurt = 1</script><img src=x onerror='window.hurt = 2'>{{1}}${2}"


def test_texts_of_the_ledger_are_never_read_as_html(show, medium):
    data = medium.model_dump(mode="json")
    data["tests"][0]["id"] = data["calls"][0]["model"] = data["violations"][0]["message"] = HOSTILE
    data["violations"][0]["request"] = data["violations"][0]["difference"] = HOSTILE
    data["tests"][0] |= {"outcome": "failed", "failure": HOSTILE}
    for name in ("url", "request", "reply"):
        data["calls"][0]["exchange"][name] = HOSTILE
    data["calls"][0]["exchange"]["reply_headers"] = {HOSTILE: HOSTILE}
    opened = show(type(medium).model_validate(data))

    opened.page.locator("#findings summary", has_text="onerror").click()

    assert opened.page.locator("#tests tbody th").get_by_role("button", name=HOSTILE, exact=True).count() == 1
    open_call(opened, 0)
    unfold(opened)
    assert opened.page.locator("#call").inner_text().count("</script>") >= 6
    assert opened.page.locator("#call img, #call script").count() == 0
    assert opened.page.locator("main img, main script").count() == 0
    assert opened.page.evaluate("window.hurt") is None


def test_the_page_can_reach_nobody(show, small):
    opened = show(small)

    reached = opened.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'reached', () => 'stopped')")

    assert reached == "stopped"
    assert any("Content Security Policy" in said for said in opened.complaints)
    opened.complaints.clear()


def test_no_other_script_runs_in_it(show, small):
    opened = show(small)

    opened.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.hurt = 1' }))"
    )

    assert opened.page.evaluate("window.hurt") is None
    assert any("Content Security Policy" in said for said in opened.complaints)
    opened.complaints.clear()
