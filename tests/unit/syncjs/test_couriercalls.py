"""The gateway's side of the conversation with a courier, which a hostile server may have taken over."""

import threading

import pytest

from nightdrop.core.wire import Channel, channel_pair
from nightdrop.syncjs.couriercalls import CourierCalls, CourierGoneError

CONNECT = {"op": "connect", "client": 1, "kind": "sftp", "fields": {"PassFromSecret": "far-door"}, "options": {}}


class Asked:
    """A courier that says what a test tells it to, and the gateway's end."""

    def __init__(self, talk, mail_secret=""):
        ours, theirs = channel_pair()
        self.courier = Channel(theirs)
        self.log, self.read = [], []
        self.secrets = {"far-door": "hunter22", "other": "nothing for you", "payload": '{"passFromSecret": "far-door"}'}
        self.gateway = Channel(ours, 1024 * 1024)
        self.calls = CourierCalls(
            self.gateway,
            log=lambda *line: self.log.append(line),
            secret=self._secret,
            pause=lambda _: None,
            mail_secret=mail_secret,
        )
        self.heard = []
        self._thread = threading.Thread(target=self._work, args=(talk,))

    def _secret(self, name):
        self.read.append(name)
        return self.secrets.get(name, "")

    def _work(self, talk):
        self.request = self.courier.recv_json()
        for message in talk:
            self.courier.send_json(message)
            if isinstance(message, dict) and "secret" in message:
                self.heard.append(self.courier.recv_json()["secret"])
        self.courier.close()

    def ask(self, request=CONNECT):
        self._thread.start()
        try:
            return self.calls.ask(request)
        finally:
            self._thread.join()
            self.gateway.close()


def test_an_answer_comes_with_its_lines():
    asked = Asked([{"log": ["info", "one"]}, {"log": ["warn", "two"]}, {"v": [1, None]}])
    assert asked.ask() == [1, None]
    assert asked.log == [("info", "one"), ("warn", "two")]
    assert asked.request == CONNECT


def test_a_message_is_one_line_whatever_a_server_called_its_files():
    asked = Asked([{"log": ["warn", "no such file: a\nrun succeeded\r\n"]}, {"v": True}])
    asked.ask()
    assert asked.log == [("warn", "no such file: a\\nrun succeeded\\r\\n")]


def test_it_gets_the_secret_that_a_field_names():
    asked = Asked([{"secret": "far-door"}, {"v": True}])
    assert asked.ask() is True
    assert asked.heard == ["hunter22"]


def test_it_gets_no_other_secret():
    asked = Asked([{"secret": "other"}, {"v": True}])
    assert asked.ask() is True
    assert (asked.heard, asked.read) == ([""], [])
    assert asked.log == [("error", "a client asked for a secret that no field of it names; it was refused")]


def test_a_payload_may_name_another():
    asked = Asked([{"secret": "payload"}, {"secret": "far-door"}, {"secret": "other"}, {"v": True}])
    asked.ask({**CONNECT, "fields": {"PayloadFromSecret": "payload"}})
    assert asked.heard == ['{"passFromSecret": "far-door"}', "hunter22", ""]


MAIL = {"op": "mail", "message": {"To": "other", "Subject": "far-door", "Paths": ["payload"]}}


def test_mail_gets_the_secret_of_the_site_and_none_that_a_message_names():
    asked = Asked([*({"secret": name} for name in ("smtp", "other", "far-door", "payload")), {"v": True}], "smtp")
    asked.secrets["smtp"] = "mail-password"
    asked.ask(MAIL)
    assert (asked.heard, asked.read) == (["mail-password", "", "", ""], ["smtp"])


@pytest.mark.parametrize(("request_", "mail_secret"), [(MAIL, ""), (CONNECT, "smtp")], ids=["no server", "a client"])
def test_the_password_for_mail_is_for_mail(request_, mail_secret):
    asked = Asked([{"secret": "smtp"}, {"secret": ""}, {"v": True}], mail_secret)
    asked.ask(request_)
    assert (asked.heard, asked.read) == (["", ""], [])


@pytest.mark.parametrize(
    "talk",
    [[], [[]], [7], [{}], [{"log": 1}], [{"log": ["loud", "x"]}], [{"log": ["info", 7]}], [{"v2": 1}]],
    ids=str,
)
def test_a_dead_courier_or_one_that_babbles_is_gone(talk):
    with pytest.raises(CourierGoneError):
        Asked(talk).ask()
