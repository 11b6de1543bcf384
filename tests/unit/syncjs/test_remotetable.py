"""What the script API says of remote clients is what the courier serves."""

from nightdrop.syncjs.remotes.calls import CALLS
from nightdrop.syncjs.remotes.fields import CLIENTS
from nightdrop.syncjs.remotes.kinds import BUILDERS
from nightdrop.syncjs.remotetable import METHODS, REMOTES

_TYPES = {"string": str, "number": int}


def test_there_is_a_client_for_each_adapter():
    assert {client.name for client in REMOTES} == {CLIENTS[kind].name for kind in BUILDERS}


def test_each_method_is_served_with_the_same_parameters():
    declared = {
        method.name: [(param.name, _TYPES[param.type], param.optional) for param in method.params]
        for method in METHODS
        if method.name not in {"Configure", "Connect", "Close"}
    }
    served = {
        name: [(param.name, param.kind, param.default is not None) for param in call.parameters]
        for name, call in CALLS.items()
    }
    assert declared == served
