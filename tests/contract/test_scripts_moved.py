import hashlib

import pytest
from sqlalchemy import text

from nightdrop.core.caller import SYSTEM
from nightdrop.scripts.scrub import (
    MAX_MOVED,
    Moved,
    MovedLiteralError,
    MovedSecretMissingError,
    MovedStillThereError,
    MovedTooManyError,
)
from nightdrop.scripts.store import ScriptStore

VALUE = "hunter-22-needle"
FIRST = f"let k = '{VALUE}';\nLog(1);"
SECOND = f'// {VALUE}\nlet k = "{VALUE}", l = `{VALUE}`, m = `${{k}}{VALUE}`;\nLog(2);'
CLEAN = 'let k = GetSecret("api-key");\nLog(3);'


@pytest.fixture
def vault_site(vault):
    return vault.site.id


@pytest.fixture
def scripts(db, clock, vault_site):
    store = ScriptStore(db, clock)
    for code in (FIRST, SECOND):
        store.push(SYSTEM, vault_site, "a", code)
    return store


@pytest.fixture
def stored(vault):
    vault.put("api-key")


def _moved(version=2, secret="api-key"):
    code = SECOND if version == 2 else FIRST
    quote = '"' if version == 2 else "'"
    return Moved(secret, version, code.index(quote + VALUE))


@pytest.mark.usefixtures("stored")
def test_the_text_is_in_no_version_any_more(scripts, vault_site):
    info = scripts.push(SYSTEM, vault_site, "a", CLEAN, moved=[_moved()])
    assert info.version == 3
    codes = [scripts.get(SYSTEM, vault_site, "a", number).code for number in (1, 2, 3)]
    assert codes[0] == 'let k = GetSecret("api-key");\nLog(1);'
    assert codes[1].startswith(
        '// (moved to Secrets)\nlet k = GetSecret("api-key"), l = GetSecret("api-key"), m = `${k}('
    )
    assert codes[2] == CLEAN
    assert not any(VALUE in code for code in codes)
    with scripts._db.read() as conn:
        for number, code in enumerate(codes, 1):
            digest = conn.execute(
                text("SELECT sha256 FROM script_versions WHERE script_id = :id AND number = :n"),
                {"id": info.id, "n": number},
            ).scalar()
            assert bytes(digest) == hashlib.sha256(code.encode()).digest()


@pytest.mark.usefixtures("stored")
def test_code_that_was_cleaned_by_hand_gets_its_old_versions_cleaned(scripts, vault_site):
    scripts.push(SYSTEM, vault_site, "a", CLEAN)
    assert scripts.push(SYSTEM, vault_site, "a", CLEAN, moved=[_moved(1)]).version == 3
    assert VALUE not in scripts.get(SYSTEM, vault_site, "a", 2).code


def test_nothing_is_taken_out_before_it_is_in_the_store(scripts, vault_site):
    with pytest.raises(MovedSecretMissingError):
        scripts.push(SYSTEM, vault_site, "a", CLEAN, moved=[_moved()])
    assert scripts.get(SYSTEM, vault_site, "a").code == SECOND


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("code", "moved", "error"),
    [
        (SECOND + " ", _moved(), MovedStillThereError),
        (f"// {VALUE}", _moved(), MovedStillThereError),
        (CLEAN, Moved("api-key", 2, 0), MovedLiteralError),
        (CLEAN, Moved("api-key", 9, 8), MovedLiteralError),
        (CLEAN, Moved("api\0key", 2, 8), MovedSecretMissingError),
    ],
)
def test_what_does_not_fit_changes_nothing(scripts, vault_site, code, moved, error):
    with pytest.raises(error) as caught:
        scripts.push(SYSTEM, vault_site, "a", code, moved=[moved])
    assert VALUE not in str(caught.value)
    assert scripts.get(SYSTEM, vault_site, "a").info.version == 2
    assert scripts.get(SYSTEM, vault_site, "a", 1).code == FIRST


def test_there_is_a_most_for_one_time(scripts, vault_site):
    with pytest.raises(MovedTooManyError):
        scripts.push(SYSTEM, vault_site, "a", CLEAN, moved=[_moved()] * (MAX_MOVED + 1))
