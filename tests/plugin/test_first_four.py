"""The first tests of the README, written by a stranger, in a pytest of their own."""

from __future__ import annotations


def test_they_pass_as_written_with_whatever_plugins_are_installed(project):
    project.makepyfile(
        """
        import pytest, together
        from app import draw, summarise

        def test_summary(groq_api):
            groq_api.reply("A short summary.")
            assert summarise("…") == "A short summary."
            assert groq_api.calls.statuses == [200]

        @pytest.mark.groq_api(plan="free")
        def test_waits_as_told(groq_api, llm_clock):
            groq_api.exhaust("TPD", model="openai/gpt-oss-120b")
            summarise("…")
            assert groq_api.calls.statuses == [429, 200]
            assert llm_clock.slept == groq_api.calls[0].reply.retry_after

        def test_flex_falls_back_to_together(groq_api, together_api):
            groq_api.fail("flex_capacity_exceeded")
            together_api.reply("From the other side.")
            assert summarise("…") == "From the other side."

        @pytest.mark.together_api(tier=1)
        def test_upgrade_takes_fifteen_minutes(together_api, llm_clock):
            with pytest.raises(together.PermissionDeniedError):
                draw("black-forest-labs/FLUX.1.1-pro")
            together_api.account.buy_credits(50)
            llm_clock.advance(minutes=15)
            draw("black-forest-labs/FLUX.1.1-pro")
        """
    )

    result = project.runpytest_subprocess("-q")

    result.assert_outcomes(passed=4)


def test_no_key_is_needed_and_none_is_left_behind(project, monkeypatch, run_pytest):
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    project.makepyfile(
        """
        import os
        from app import summarise

        def test_one(groq_api):
            assert os.environ["GROQ_API_KEY"]
            summarise("x")

        def test_two():
            assert "GROQ_API_KEY" not in os.environ
        """
    )

    run_pytest("-q").assert_outcomes(passed=2)


def test_clients_built_at_import_time_are_reached(project, run_pytest):
    project.makeini("[pytest]\nllmcontract_dummy_keys = true\n")
    project.makepyfile(
        early="""
        import groq, openai
        CLIENT = groq.Groq()
        OTHER = openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="k")
        """
    )
    project.makeconftest("import early")
    project.makepyfile(
        """
        from early import CLIENT, OTHER

        def test_both(groq_api):
            groq_api.reply("same", times=2)
            for client in (CLIENT, OTHER):
                answer = client.chat.completions.create(
                    model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "hi"}])
                assert answer.choices[0].message.content == "same"
            assert [call.client.split()[0] for call in groq_api.calls] == ["groq-python", "openai-python"]
        """
    )

    run_pytest("-q").assert_outcomes(passed=1)


def test_the_header_names_the_editions_in_force(project, run_pytest):
    project.makepyfile("def test_nothing(): pass")

    result = run_pytest("--llmcontract-edition=2026-06-30")

    result.stdout.fnmatch_lines(["llmcontract: groq 2026-06-04, together 2026-06-01"])


def test_an_edition_only_one_provider_has_is_no_error_until_the_other_is_asked_for(project, run_pytest):
    project.makepyfile(
        """
        def test_groq(groq_api):
            assert str(groq_api.edition.date) == "2024-04-01"

        def test_together(together_api): pass
        """
    )

    result = run_pytest("--llmcontract-edition=2024-05-31")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["llmcontract: groq 2024-04-01", "*no together edition is as old as 2024-05-31*"])
