"""The OpenAPI document, and the server held against it: schemathesis makes requests that fit it and that do not."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as known_checks

from nightdrop.api.app import create_app
from nightdrop.api.authenticate import always
from nightdrop.api.edge import Edge
from nightdrop.api.idempotency import Idempotent
from vault import OWNER
from web import Web

DOCUMENT = create_app().openapi()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


def test_every_operation_documents_its_errors_as_problems():
    assert DOCUMENT["openapi"].startswith("3.1.")
    for path, method in OPERATIONS:
        answers = DOCUMENT["paths"][path][method]["responses"]
        errors = {status for status in answers if status >= "400"} - {"default"}
        assert errors >= {"400", "429", "500", "503"}, (path, method)
        if path == "/health":
            continue
        for status in errors:
            schema = answers[status]["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}, (path, method, status)


def test_no_answer_has_a_field_for_a_value():
    answered, waiting = (
        set(),
        [json.dumps(op["responses"]) for ops in DOCUMENT["paths"].values() for op in ops.values()],
    )
    schemas = DOCUMENT["components"]["schemas"]
    while waiting:
        text = waiting.pop()
        for name, schema in schemas.items():
            if f'"#/components/schemas/{name}"' in text and name not in answered:
                answered.add(name)
                waiting.append(json.dumps(schema))
    assert "SecretOut" in answered
    for name in answered:
        assert not {"value", "sealed", "plaintext"} & set(schemas[name].get("properties", {})), name


def test_the_document_is_for_everybody(tmp_path):
    web = Web(tmp_path)
    try:
        answer = web.ask("GET", "/api/v1/openapi.json")
        assert answer.status == 200
        assert answer.json() == json.loads(json.dumps(DOCUMENT))
        assert str(tmp_path) not in answer.body.decode()
    finally:
        web.close()


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    web = Web(tmp_path_factory.mktemp("schema"))
    web.new_site("default")
    yield schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json", Edge(Idempotent(web.app, web.db, web.clock), always(OWNER))
    )
    web.close()


CHECKS = [
    known_checks.content_type_conformance,
    known_checks.negative_data_rejection,
    known_checks.response_headers_conformance,
    known_checks.response_schema_conformance,
    known_checks.status_code_conformance,
]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_answers_are_what_the_document_says(schema, path, method, mode):
    @seed(1)
    @settings(
        max_examples=3, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=schema[path][method.upper()].as_strategy(generation_mode=mode))
    def judge(case):
        answer = case.call()
        # 503 is documented: there is no worker here, which makes the keys of new sites.
        assert answer.status_code < 500 or answer.status_code == 503
        case.validate_response(answer, checks=CHECKS)

    try:
        judge()
    except Unsatisfiable:
        # Nothing about this operation can be wrong.
        assert mode is GenerationMode.NEGATIVE
