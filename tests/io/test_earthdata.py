"""Logging in, through the real earthaccess."""

import getpass
import os
import sys

import pytest
from earthdata import LOGIN, URS

from captools.errors import CaptoolsError, LoginError
from captools.io import earthdata as login
from captools.io.retrying import Retryable


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def terminal(monkeypatch):
    """Give a function that makes standard input a terminal with somebody who answers."""

    def answering(user, password):
        def ask(prompt=""):
            print(prompt, end="", file=sys.stdout)  # noqa: T201 - as input() does
            return user()

        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", ask)
        monkeypatch.setattr(getpass, "getpass", lambda prompt: password)

    return answering


def test_the_environment_comes_before_a_netrc(earthdata, home):
    with earthdata.here(home, login=LOGIN, EARTHDATA_TOKEN="eyJmine"):
        assert login.log_in().token["access_token"] == "eyJmine"
    assert earthdata.requests == []


@pytest.mark.parametrize("half", ["EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"])
def test_half_a_login_is_none(earthdata, home, half):
    with earthdata.here(home, **{half: LOGIN[0]}), pytest.raises(ValueError, match="netrc"):
        login.log_in()


def test_an_empty_token_does_not_stand_before_a_password(earthdata, home):
    user, password = LOGIN
    more = {"EARTHDATA_USERNAME": user, "EARTHDATA_PASSWORD": password, "EARTHDATA_TOKEN": ""}
    with earthdata.here(home, **more):
        assert earthdata.knows(login.log_in().token["access_token"])


@pytest.mark.parametrize("text", ["", "machine elsewhere login a password b\n", "machine"])
def test_a_netrc_without_a_login_is_none(earthdata, home, text):
    home.mkdir()
    (home / ".netrc").write_text(text)
    with earthdata.here(home), pytest.raises(ValueError, match="no Earthdata login"):
        login.prepare()
    assert earthdata.requests == []


def test_who_is_asked_gives_workers_a_token(earthdata, home, terminal, capsys):
    terminal(lambda: LOGIN[0], LOGIN[1])
    with earthdata.here(home):
        login.prepare()
        token = os.environ["EARTHDATA_TOKEN"]
        assert login.log_in().token["access_token"] == token
    assert earthdata.knows(token)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "user" in shown.err


def test_who_answers_wrong_is_refused(earthdata, home, terminal):
    terminal(lambda: LOGIN[0], "wrong")
    with earthdata.here(home), pytest.raises(LoginError, match="refused"):
        login.prepare()


def test_who_does_not_answer_has_no_login(earthdata, home, terminal):
    def hang_up():
        raise EOFError

    terminal(hang_up, "")
    with earthdata.here(home), pytest.raises(ValueError, match="no Earthdata login"):
        login.prepare()


@pytest.mark.parametrize("status", [503, 200])
def test_a_login_server_that_is_down_is_tried_again(earthdata, home, status):
    fault = earthdata.fail(URS, status, text="<html>maintenance", times=2)
    with earthdata.here(home, login=LOGIN):
        login.prepare()
        assert fault.times == 0
        earthdata.fail(URS, status, text="<html>maintenance")
        with pytest.raises(CaptoolsError, match=r"^Earthdata login (is out of order|cannot be)"):
            login.prepare()


def test_without_a_network_it_says_so(earthdata, home):
    with earthdata.here(home, login=LOGIN):
        earthdata.__exit__(None)
        with pytest.raises(Retryable, match="cannot be reached"):
            login.log_in()


def test_a_refusal_is_no_news_to_a_log(earthdata, home, caplog, capfd):
    with earthdata.here(home, login=(LOGIN[0], "wrong")), pytest.raises(LoginError):
        login.prepare()
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
