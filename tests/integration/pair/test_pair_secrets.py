"""A script reads secrets; the log has no value."""


def test_a_secret_reaches_the_script_and_not_the_log(pair):
    pair.secrets["key"] = b"hunter22-value"
    result = pair.run('var k = GetSecret("key"); Log("len " + k.length); Log("it is " + k + "!");')
    assert result.end == {"t": "end", "state": "succeeded", "error": None, "secrets": ["key"]}
    assert result.texts == ["len 14", "it is ***!"]
    assert result.statuses == {"gateway": 0, "runner": 0}
