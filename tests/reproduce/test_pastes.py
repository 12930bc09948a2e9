"""Errors as people paste them: in the wrappings of SDKs, gateways, logs and terminals, and other providers' errors."""

# ruff: noqa: E501 - pastes stand in one piece

from __future__ import annotations

import json

import pytest

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.reproduce.choose import choose
from pytest_llmcontract.reproduce.connections import Connection
from pytest_llmcontract.reproduce.loose import CutObject, objects
from pytest_llmcontract.reproduce.paste import plain, read_pastes, without_prefixes
from pytest_llmcontract.reproduce.solve import Reproduction
from pytest_llmcontract.reproduce.testfile import as_test

LIMIT = (
    "Rate limit reached for model `openai/gpt-oss-20b` in organization `org_01k2abcdefghjkmnpqrstvwxyz` service tier "
    "`on_demand` on tokens per minute (TPM): Limit 8000, Used 7100, Requested 1500. Please try again in 4.5s. Need more "
    "tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing"
)
LIMIT_BODY = json.dumps({"error": {"message": LIMIT, "type": "tokens", "code": "rate_limit_exceeded"}})


def inside(text: str) -> str:
    """*text* as it stands inside a JSON string."""
    return json.dumps(text)[1:-1]


# (what was pasted, provider, status, a part of the message)
OURS = {
    "1: litellm exceptions BadRequestError litel": (
        'litellm.exceptions.BadRequestError: litellm.BadRequestError: GroqException - {"error":{"message":"Something new about seeds","type":"invalid_request_error"}}\nLiteLLM Retried: 2 times',
        "groq",
        400,
        "Something new about seeds",
    ),
    "2: litellm RateLimitError RateLimitError Gr": (
        "litellm.RateLimitError: RateLimitError: GroqException - " + LIMIT_BODY + "",
        "groq",
        429,
        LIMIT,
    ),
    "3: error message litellm RateLimitError Ra": (
        '{"error": {"message": "litellm.RateLimitError: RateLimitError: GroqException - '
        + inside(LIMIT_BODY)
        + '. Received Model Group=fast\\nAvailable Model Group Fallbacks=None", "type": null, "param": null, "code": "429"}}',
        "groq",
        429,
        LIMIT,
    ),
    "4: AI APICallError Rate limit reached at fi": (
        "AI_APICallError: Rate limit reached\n    at file:///app/node_modules/@ai-sdk/provider-utils/dist/index.mjs:312:14 {\n  cause: undefined,\n  url: 'https://api.groq.com/openai/v1/chat/completions',\n  requestBodyValues: {\n    model: 'openai/gpt-oss-20b',\n    messages: [ [Object] ]\n  },\n  statusCode: 429,\n  responseHeaders: {\n    'retry-after': '5'\n  },\n  responseBody: '"
        + LIMIT_BODY
        + "',\n  isRetryable: true,\n  data: { error: { message: 'Rate', type: 'tokens' } }\n}",
        "groq",
        429,
        LIMIT,
    ),
    "5: BadRequestError 400 error message frobni": (
        'BadRequestError: 400 {"error":{"message":"`frobnicate` was given twice","type":"invalid_request_error"}}\n    at Function.generate (/app/node_modules/groq-sdk/error.js:45:20)\n    at Groq.makeStatusError (/app/node_modules/groq-sdk/core.js:293:33) {\n  status: 400,\n  headers: { connection: \'keep-alive\' },\n  error: { error: { message: \'`frobnicate` was given twice\', type: \'invalid_request_error\' } }\n}',
        "groq",
        400,
        "`frobnicate` was given twice",
    ),
    "6: web 1 ERROR Exception in ASGI applicatio": (
        "web-1  | ERROR:    Exception in ASGI application\nweb-1  | Traceback (most recent call last):\nweb-1  |   File \"/app/main.py\", line 3, in <module>\nweb-1  | groq.BadRequestError: Error code: 400 - {'error': {'message': \"'temperature' : number must be at most 2\", 'type': 'invalid_request_error'}}",
        "groq",
        400,
        "'temperature' : number must be at most 2",
    ),
    "7: 2026 05 01T10 11 12 123Z stderr F groq I": (
        "2026-05-01T10:11:12.123Z stderr F groq.InternalServerError: Error code: 503 - {'error': {'message': 'llama-3.1-8b-instant is currently over capacity. Please try again and back off exponentially. Visit https://groqstatus.com to see if there is an active incident.', 'type': 'internal_server_error'}}",
        "groq",
        503,
        "over capacity",
    ),
    "8: POST openai v1 chat completions HTTP 2": (
        '> POST /openai/v1/chat/completions HTTP/2\n> Host: api.groq.com\n< HTTP/2 401 \n< content-type: application/json\n< x-request-id: req_01k2abcdefghjkmnpqrstvwxyz\n<\n{"error":{"message":"Invalid API Key","type":"invalid_request_error","code":"invalid_api_key"}}',
        "groq",
        401,
        "Invalid API Key",
    ),
    "9: event error data error message Failed to": (
        'event: error\ndata: {"error":{"message":"Failed to call a function. Please adjust your prompt. See \'failed_generation\' for more details.","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<function=a>","status_code":400}}',
        "groq",
        200,
        "Failed to call a function",
    ),
    "10: event error data error message Service U": (
        'event: error\ndata: {"error":{"message":"Service Unavailable","type":"internal_server_error","status_code":503}}\n\n',
        "groq",
        200,
        "Service Unavailable",
    ),
    "11: id batch req 01k2 custom id row 7 respo": (
        '{"id":"batch_req_01k2","custom_id":"row-7","response":{"status_code":400,"request_id":"req_01k2abcdefghjkmnpqrstvwxyz","body":{"error":{"message":"messages[1].content must be a string","type":"invalid_request_error"}}},"error":null}',
        "groq",
        400,
        "messages[1].content must be a string",
    ),
    "12: level error time 1769000000 msg upstrea": (
        '{"level":"error","time":1769000000,"msg":"upstream failed","provider":"groq","err":"'
        + inside(inside(LIMIT_BODY))
        + '"}',
        "groq",
        429,
        LIMIT,
    ),
    "13: log error message Rate limit reached for": (
        'log="' + inside(LIMIT_BODY) + '" service=chat',
        "groq",
        429,
        LIMIT,
    ),
    "14: 31mgroq NotFoundError 0m Error code 404": (
        "\x1b[31mgroq.NotFoundError\x1b[0m: Error code: 404 - {'error': {'message': 'The model `acme-9b` does not exist or you do not have access to it.', 'type': 'invalid_request_error', 'code': 'model_not_found'}}",
        "groq",
        404,
        "The model `acme-9b`",
    ),
    "15: groq BadRequestError Error code 400 err": (
        "│ groq.BadRequestError: Error code: 400 - {'error': {'message': 'The model │\n│ `llama3-70b-8192` has been decommissioned and is no longer supported. Please │\n│ refer to https://console.groq.com/docs/deprecations for a recommendation on  │\n│ which model to use instead.', 'type': 'invalid_request_error', 'code':       │\n│ 'model_decommissioned'}}                                                     │",
        "groq",
        400,
        "has been decommissioned and is no longer supported. Please refer to",
    ),
    "16: Error code 413 error message Request to": (
        "> Error code: 413 - {'error': {'message': 'Request too large for model `llama-3.1-8b-instant` in organization `org_01k2abcdefghjkmnpqrstvwxyz` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 9120, please reduce your message size and try again. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing', 'type': 'tokens', 'code': 'rate_limit_exceeded'}}\n> at chat",
        "groq",
        413,
        "Requested 9120",
    ),
    "17: Error Groq API error 400 Bad Request err": (
        'Error: Groq API error (400 Bad Request): {"error":{"message":"property \'foo\' is unsupported","type":"invalid_request_error"}}',
        "groq",
        400,
        "property 'foo' is unsupported",
    ),
    "18: Error Groq API error 400 error message t": (
        'Error: Groq API error: 400 - {"error":{"message":"tools[2].function.name is too long","type":"invalid_request_error"}}',
        "groq",
        400,
        "tools[2].function.name is too long",
    ),
    "19: HTTP 400 error message a wholly new text": (
        'HTTP 400: {"error":{"message":"a wholly new text of groq","type":"invalid_request_error"}}',
        "groq",
        400,
        "a wholly new text of groq",
    ),
    "20: langchain groq error Error code 400 erro": (
        "langchain_groq error: Error code: 400 - {'error': {'message': \"tool call validation failed: attempted to call tool 'brave_search' which was not in request.tools\", 'type': 'invalid_request_error', 'code': 'tool_use_failed', 'failed_generation': '{\"name\": \"brave_search\"}'}}",
        "groq",
        400,
        "tool call validation failed: attempted to call tool 'brave_search' which was not in request.tools",
    ),
    "21: Error code 400 error message reasoning e": (
        "Error code: 400 - {'error': {'message': \"'reasoning_effort' : value is not one of the allowed values ['low','medium','high']\", 'type': 'invalid_request_error'}}  (groq)",
        "groq",
        400,
        "'reasoning_effort' : value is not one of the allowed values",
    ),
    "22: service tier value is not one of the al": (
        "'service_tier' : value is not one of the allowed values ['auto','on_demand','flex','performance',null]",
        "groq",
        400,
        "'service_tier' : value is not one of the allowed values ['auto','on_demand','flex','performance',null]",
    ),
    "23: requests exceptions HTTPError 429 Client": (
        "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://api.groq.com/openai/v1/chat/completions",
        "groq",
        429,
        "",
    ),
    "24: httpx HTTPStatusError Client error 401 U": (
        "httpx.HTTPStatusError: Client error '401 Unauthorized' for url 'https://api.groq.com/openai/v1/chat/completions'\nFor more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/401",
        "groq",
        401,
        "Invalid API Key",
    ),
    "25: error code 1010 from https api groq com": (
        "error code: 1010 from https://api.groq.com/openai/v1/models",
        "groq",
        403,
        "error code: 1010",
    ),
    "26: groq PermissionDeniedError error code 10": (
        "groq.PermissionDeniedError: error code: 1010",
        "groq",
        403,
        "error code: 1010",
    ),
    "27: groq APIStatusError Error code 522 error": (
        "groq.APIStatusError: Error code: 522 - error code: 522",
        "groq",
        522,
        "error code: 522",
    ),
    "28: DOCTYPE html title api groq com 502 Bad": (
        "<!DOCTYPE html>\n<title>api.groq.com | 502: Bad gateway</title>",
        "groq",
        502,
        "Bad gateway",
    ),
    "29: openai APIError error message Parsing fa": (
        'openai.APIError: {"error":{"message":"Parsing failed. The model generated output that could not be parsed. ","type":"invalid_request_error","code":"output_parse_failed"}}',
        "groq",
        400,
        "Parsing failed.",
    ),
    "30: error message property messages is miss": (
        '{"error"=>{"message"=>"property \'messages\' is missing", "type"=>"invalid_request_error"}} api.groq.com 400',
        "groq",
        400,
        "property 'messages' is missing",
    ),
    "31: OpenRouter error message Provider return": (
        'OpenRouter: {"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"'
        + inside(LIMIT_BODY)
        + '","provider_name":"Groq"}}}',
        "groq",
        429,
        LIMIT,
    ),
    "32: java lang RuntimeException HTTP 400 erro": (
        'java.lang.RuntimeException: HTTP 400 - {"error":{"message":"\'tools\' : maximum number of items is 128","type":"invalid_request_error"}} (groq)',
        "groq",
        400,
        "'tools' : maximum number of items is 128",
    ),
    "33: I0501 groq client go 33 error status cod": (
        "I0501 groq_client.go:33] error, status code: 429, status: 429 Too Many Requests, message: " + LIMIT + "",
        "groq",
        429,
        LIMIT,
    ),
    "34: groq error message Rate limit reached f": (
        '[groq] {"error":{"message":"Rate limit reached for model `llama-3.1-8b-instant` in organization `org_01k2abcdefghjkmnpqrstvwxyz` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Used 5900, Requested 1000. Please try ag',
        "groq",
        429,
        "Please try again in 9s.",
    ),
    "35: together error InvalidRequestError Error": (
        'together.error.InvalidRequestError: Error code: 400 - {"message": "Input validation error", "type_": "invalid_request_error"}',
        "together",
        400,
        "Input validation error",
    ),
    "36: ValueError Together received an invalid": (
        'ValueError: Together received an invalid payload: { "error": { "message": "Invalid API key provided. You can find your API key at https://api.together.xyz/settings/api-keys.", "type": "invalid_request_error", "param": null, "code": "invalid_api_key" } }',
        "together",
        401,
        "Invalid API key provided",
    ),
    "37: openai BadRequestError Error code 400 id": (
        "openai.BadRequestError: Error code: 400 - {'id': 'o4Vh2Kp-2kFHot-9a1b2c3d4e5f6071', 'error': {'message': 'Input should be shorter, said a new server', 'type': 'invalid_request_error', 'param': None, 'code': None}}",
        "together",
        400,
        "Input should be shorter, said a new server",
    ),
    "38: 400 id o4Vh2Kp 2kFHot 9a1b2c3d4e5f6071 e": (
        '400 {"id":"o4Vh2Kp-2kFHot-9a1b2c3d4e5f6071","error":{"message":"something odd","type":"invalid_request_error","param":null,"code":null}}',
        "together",
        400,
        "something odd",
    ),
    "39: Together API error 422 error message n m": (
        'Together API error (422): {"error":{"message":"n must be at most 128","type":"invalid_request_error"}}',
        "together",
        422,
        "n must be at most 128",
    ),
    "40: litellm APIError APIError Together aiExc": (
        "litellm.APIError: APIError: Together_aiException - Error code: 500 - {'id': 'o4Vh2Kp-2kFHot-9a1b2c3d4e5f6071', 'error': {'message': 'Internal server error', 'type': 'server_error', 'param': None, 'code': None}}",
        "together",
        500,
        "Internal server error",
    ),
    "41: litellm ContextWindowExceededError litel": (
        "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: Together_aiException - Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens and 512 `max_new_tokens`",
        "together",
        400,
        "must be <= 8193. Given: 9000",
    ),
    "42: together error ServiceUnavailableError T": (
        "together.error.ServiceUnavailableError: The server is overloaded or not ready yet.",
        "together",
        503,
        "",
    ),
    "43: BadRequestError 400 status code no body": (
        "BadRequestError: 400 status code (no body)\n    at APIError.generate (/app/node_modules/together-ai/src/error.ts:66:14)",
        "together",
        400,
        "",
    ),
    "44: requests exceptions HTTPError 502 Server": (
        "requests.exceptions.HTTPError: 502 Server Error: Bad Gateway for url: https://api.together.xyz/v1/chat/completions",
        "together",
        502,
        "",
    ),
    "45: error message Unable to access non serv": (
        "{\n  error: {\n    message: 'Unable to access non-serverless model acme/Wide-70B. Please visit ' +\n      'https://api.together.ai/models/acme/Wide-70B to create and start a new dedicated endpoint for the model.',\n    type: 'invalid_request_error',\n    param: null,\n    code: 'model_not_available'\n  },\n  status: 400\n}",
        "together",
        400,
        "Unable to access non-serverless model acme/Wide-70B. Please visit https://api.together.ai/models/acme/Wide-70B to create",
    ),
    "46: data id object chat completion chunk cre": (
        'data: {"id":"","object":"chat.completion.chunk","created":0,"choices":[{"index":0,"text":"","error":"[object Object]","finish_reason":"error","delta":{"token_id":null,"role":"assistant","content":""}}],"model":"m"}',
        "together",
        200,
        "[object Object]",
    ),
    "47: Error Error code 429 id o4Vh2Kp 2kFHot 9": (
        "Error: Error code: 429 - {'id': 'o4Vh2Kp-2kFHot-9a1b2c3d4e5f6071', 'error': {'message': 'Request was rejected due to request rate limiting. Your rate limits are 60 RPM (1 QPS) and 60000 TPM (1000 TPS). See details: https://docs.together.ai/docs/rate-limits', 'type': 'rate_limit', 'param': None, 'code': None}}",
        "together",
        429,
        "60 RPM",
    ),
    "48: html head title api together ai 524 A t": (
        "<html><head><title>api.together.ai | 524: A timeout occurred</title></head>",
        "together",
        524,
        "A timeout occurred",
    ),
    "49: Together HTTP 403 error code 1010": (
        "[Together] HTTP 403 - error code: 1010",
        "together",
        403,
        "error code: 1010",
    ),
    "100: groq APIStatusError Error code 413 error": (
        "groq.APIStatusError: Error code: 413 - {'error': {'message': 'Request Entity Too Large', 'type': 'invalid_request_error', 'code': 'request_too_large'}}",
        "groq",
        413,
        "Request Entity Too Large",
    ),
    "101: Exception Groq request failed 400 error": (
        'Exception: Groq request failed [400]: {"error":{"message":"\'messages.4\' : for \'role:assistant\' the following must be satisfied[(\'messages.4\' : property \'reasoning\' is unsupported)]","type":"invalid_request_error"}}',
        "groq",
        400,
        "property 'reasoning' is unsupported",
    ),
    "102: Failed to generate Error 400 messages 1": (
        "Failed to generate: Error: 400 'messages.1.content' : value must be a string (groq)",
        "groq",
        400,
        "'messages.1.content' : value must be a string",
    ),
    "103: ERROR LLMService Groq status 429 body er": (
        'ERROR [LLMService] [Groq] status=429 body={"error":{"message":"Rate limit reached for model `qwen/qwen3-32b` in organization `org_01k2abcdefghjkmnpqrstvwxyz` service tier `on_demand` on requests per day (RPD): Limit 1000, Used 1000, Requested 1. Please try again in 1m26.4s. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing","type":"requests","code":"rate_limit_exceeded"}} took=88ms',
        "groq",
        429,
        "requests per day (RPD): Limit 1000",
    ),
    "104: model groq llama 3 3 70b versatile litel": (
        "model=groq/llama-3.3-70b-versatile litellm.BadRequestError: GroqException - Error code: 400 - {'error': {'message': \"Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.\", 'type': 'invalid_request_error', 'code': 'tool_use_failed', 'failed_generation': '<function=web_search>{\"query\": \"x\"}</function>'}}",
        "groq",
        400,
        "Failed to call a function",
    ),
    "105: pydantic ai exceptions ModelHTTPError st": (
        "pydantic_ai.exceptions.ModelHTTPError: status_code: 400, model_name: openai/gpt-oss-120b, body: {'error': {'message': \"Tool choice is none, but model called a tool\", 'type': 'invalid_request_error', 'code': 'tool_use_failed', 'failed_generation': '{\"name\": \"f\"}'}}",
        "groq",
        400,
        "Tool choice is none",
    ),
    "106: pydantic ai exceptions ModelHTTPError st": (
        "pydantic_ai.exceptions.ModelHTTPError: status_code: 429, model_name: llama-3.3-70b-versatile, body: {'message': 'Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_01k2abcdefghjkmnpqrstvwxyz` service tier `on_demand` on tokens per day (TPD): Limit 100000, Used 99900, Requested 1500. Please try again in 20m9.6s. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing', 'type': 'tokens', 'code': 'rate_limit_exceeded'}",
        "groq",
        429,
        "Limit 100000, Used 99900",
    ),
    "107: n8n The service is receiving too many re": (
        'n8n: The service is receiving too many requests from you [item 0]\n429 - "{\\"error\\":{\\"message\\":\\"Rate limit reached for model `openai/gpt-oss-20b` in organization `org_01k2abcdefghjkmnpqrstvwxyz` service tier `on_demand` on tokens per minute (TPM): Limit 8000, Used 7100, Requested 1500. Please try again in 4.5s. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing\\",\\"type\\":\\"tokens\\",\\"code\\":\\"rate_limit_exceeded\\"}}\\n"',
        "groq",
        429,
        "Limit 8000, Used 7100",
    ),
    "108: Error invoking Groq 404 Not Found The mo": (
        "Error invoking Groq: 404 Not Found - The model `distil-x` does not exist or you do not have access to it.",
        "groq",
        404,
        "The model `distil-x` does not",
    ),
    "109: json error message The model gemma 7b i": (
        '```json\n{\n  "error": {\n    "message": "The model `gemma-7b-it` has been decommissioned and is no longer supported. Please refer to https://console.groq.com/docs/deprecations for a recommendation on which model to use instead.",\n    "type": "invalid_request_error",\n    "code": "model_decommissioned"\n  }\n}\n```',
        "groq",
        400,
        "gemma-7b-it",
    ),
    "110: error message max tokens must be less t": (
        "{'error': {'message': 'max_tokens must be less than or equal to 32768, the maximum value for max_tokens is less than the context_window for this model', 'type': 'invalid_request_error'}} [groq 400]",
        "groq",
        400,
        "max_tokens must be less than or equal to 32768",
    ),
    "111: ERROR Failed to transcribe Error code 40": (
        "ERROR: Failed to transcribe: Error code: 400 - {'error': {'message': 'file is empty', 'type': 'invalid_request_error'}}\nurl=https://api.groq.com/openai/v1/audio/transcriptions",
        "groq",
        400,
        "file is empty",
    ),
    "112: POST https api groq com openai v1 chat c": (
        'POST https://api.groq.com/openai/v1/chat/completions\nHTTP/1.1 400 Bad Request\nContent-Type: application/json\n\n{"error":{"message":"\'response_format.type\' : value is not one of the allowed values [\'text\',\'json_object\',\'json_schema\']","type":"invalid_request_error"}}',
        "groq",
        400,
        "'response_format.type' : value is not one of the allowed",
    ),
    "113: Error code 400 error message Tool call v": (
        "Error code: 400 - {'error': {'message': 'Tool call validation failed: tool call validation failed: attempted to call tool \\'commentary\\' which was not in request.tools', 'type': 'invalid_request_error', 'code': 'tool_use_failed', 'failed_generation': '{}'}}",
        "groq",
        400,
        "attempted to call tool 'commentary'",
    ),
    "114: tool call validation failed attempted to": (
        "tool call validation failed: attempted to call tool 'json' which was not in request.tools",
        "groq",
        400,
        "attempted to call tool 'json' which was not in request.tools",
    ),
    "115: attempted to call tool python which was": (
        "attempted to call tool 'python' which was not in request.tools",
        "groq",
        400,
        "attempted to call tool 'python'",
    ),
    "116: openai InternalServerError html head tit": (
        "openai.InternalServerError: <html><head><title>504 Gateway Time-out</title></head><body>api.groq.com</body></html>",
        "groq",
        504,
        "",
    ),
    "117: openai InternalServerError DOCTYPE html": (
        'openai.InternalServerError: <!DOCTYPE html>\n<!--[if lt IE 7]> <html class="no-js"> <![endif]-->\n<head><title>api.groq.com | 520: Web server is returning an unknown error</title></head>',
        "groq",
        520,
        "",
    ),
    "118: Together API returned 429 id oAbcdEF 2kF": (
        'Together API returned 429: {"id":"oAbcdEF-2kFHot-9a1b2c3d4e5f6071","error":{"message":"You have reached the rate limit specific to this model deepseek-ai/DeepSeek-R1. The maximum rate limit for this model is 3.0 queries per minute. This limit differs from the general rate limits published at Together AI rate limits documentation (https://docs.together.ai/docs/rate-limits). For inquiries about increasing your model-specific rate limit, please contact our sales team (https://www.together.ai/forms/contact-sales)","type":"model_rate_limit","param":null,"code":null}}',
        "together",
        429,
        "3.0 queries",
    ),
    "119: litellm exceptions AuthenticationError l": (
        "litellm.exceptions.AuthenticationError: litellm.AuthenticationError: AuthenticationError: Together_aiException - {'error': {'message': 'Invalid API key provided. You can find your API key at https://api.together.xyz/settings/api-keys.', 'type': 'invalid_request_error', 'param': None, 'code': 'invalid_api_key'}}",
        "together",
        401,
        "Invalid API key provided",
    ),
    "120: together error APIError Error code 500 m": (
        'together.error.APIError: Error code: 500 - {"message": "Internal server error", "type_": "server_error"}',
        "together",
        500,
        "Internal server error",
    ),
    "121: together error RateLimitError Error code": (
        'together.error.RateLimitError: Error code: 429 - {"message": "Too many requests", "type_": "rate_limit"}',
        "together",
        429,
        "Too many requests",
    ),
    "122: Error 400 id nrxK7Qp 3NKUce 937bf9b0ea1f": (
        'Error: 400 {"id":"nrxK7Qp-3NKUce-937bf9b0ea1f9e3c","error":{"message":"Input validation error: `stop` supports up to 4 stop sequences. Given: 9","type":"invalid_request_error","param":null,"code":null}}\n    at Function.generate (/app/node_modules/together-ai/error.js:40:20)',
        "together",
        400,
        "`stop` supports up to 4",
    ),
    "123: requests exceptions HTTPError 422 Client": (
        "requests.exceptions.HTTPError: 422 Client Error: Unprocessable Entity for url: https://api.together.xyz/v1/images/generations",
        "together",
        422,
        "",
    ),
    "124: Error from provider Together error messa": (
        'Error from provider (Together): {"error": {"message": "Model not ready", "type": "service_unavailable"}} status 503',
        "together",
        503,
        "Model not ready",
    ),
    "125: TogetherException html head title 503 Se": (
        "TogetherException: <html><head><title>503 Service Temporarily Unavailable</title></head></html>",
        "together",
        503,
        "",
    ),
    "126: HuggingFace router https router huggingf": (
        'HuggingFace router: https://router.huggingface.co/together/v1/chat/completions 400 {"error":{"message":"Unable to access model x","type":"invalid_request_error"}}',
        "together",
        400,
        "Unable to access model x",
    ),
}

# (what was pasted, whose it seems to be)
THEIRS = {
    "1: openai RateLimitError Error code 429 err": (
        "openai.RateLimitError: Error code: 429 - {'error': {'message': 'Rate limit reached for gpt-4o in organization org-AbCd on tokens per min (TPM): Limit 30000, Used 29000, Requested 2500. Please try again in 3s. Visit https://platform.openai.com/account/rate-limits to learn more.', 'type': 'tokens', 'param': None, 'code': 'rate_limit_exceeded'}}",
        "OpenAI",
    ),
    "2: openai BadRequestError Error code 400 er": (
        "openai.BadRequestError: Error code: 400 - {'error': {'message': \"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.\", 'type': 'invalid_request_error', 'param': 'max_tokens', 'code': 'unsupported_parameter'}}",
        None,
    ),
    "3: openai AuthenticationError Error code 40": (
        "openai.AuthenticationError: Error code: 401 - {'error': {'message': 'Incorrect API key provided: sk-ab***cd. You can find your API key at https://platform.openai.com/account/api-keys.', 'type': 'invalid_request_error', 'param': None, 'code': 'invalid_api_key'}}",
        "OpenAI",
    ),
    "4: openai NotFoundError Error code 404 erro": (
        "openai.NotFoundError: Error code: 404 - {'error': {'message': 'The model `gpt-9` does not exist or you do not have access to it.', 'type': 'invalid_request_error', 'param': None, 'code': 'model_not_found'}}",
        "OpenAI",
    ),
    "5: anthropic RateLimitError Error code 429": (
        "anthropic.RateLimitError: Error code: 429 - {'type': 'error', 'error': {'type': 'rate_limit_error', 'message': 'This request would exceed your organization rate limit of 40,000 input tokens per minute'}}",
        "Anthropic",
    ),
    "6: type error error type overloaded error": (
        '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
        "Anthropic",
    ),
    "7: cerebras cloud sdk RateLimitError Error": (
        "cerebras.cloud.sdk.RateLimitError: Error code: 429 - {'message': 'Requests per minute limit exceeded - too many requests sent.', 'type': 'too_many_requests_error', 'param': 'quota', 'code': 'request_quota_exceeded'}",
        "Cerebras",
    ),
    "8: huggingface hub utils errors HfHubHTTPEr": (
        "huggingface_hub.utils._errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://api-inference.huggingface.co/models/x",
        "Hugging Face",
    ),
    "9: litellm BadRequestError OpenrouterExcept": (
        'litellm.BadRequestError: OpenrouterException - {"error":{"message":"No endpoints found for acme/x.","code":404}}',
        "OpenRouter",
    ),
    "10: openai BadRequestError Error code 400 er": (
        "openai.BadRequestError: Error code: 400 - {'error': {'message': \"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.\", 'code': 'content_filter', 'status': 400}}",
        "Azure OpenAI",
    ),
    "11: google api core exceptions ResourceExhau": (
        'google.api_core.exceptions.ResourceExhausted: 429 You exceeded your current quota. {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}',
        "Google Gemini",
    ),
    "12: mistralai models sdkerror SDKError API e": (
        'mistralai.models.sdkerror.SDKError: API error occurred: Status 401. Body: {"message":"Unauthorized","request_id":"abc"}',
        "Mistral AI",
    ),
    "13: litellm RateLimitError AnthropicExceptio": (
        'litellm.RateLimitError: AnthropicException - {"type":"error","error":{"type":"rate_limit_error","message":"Number of request tokens has exceeded"}}',
        "Anthropic",
    ),
    "14: deepseek Error code 402 error message In": (
        "deepseek: Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error', 'param': None, 'code': 'invalid_request_error'}}",
        "DeepSeek",
    ),
    "15: Error code 404 error message model llama": (
        "Error code: 404 - {'error': {'message': 'model \"llama3\" not found, try pulling it first', 'type': 'api_error', 'param': None, 'code': None}} http://localhost:11434/v1",
        "Ollama",
    ),
    "16: botocore errorfactory ThrottlingExceptio": (
        "botocore.errorfactory.ThrottlingException: An error occurred (ThrottlingException) when calling the Converse operation: Too many tokens, please wait before trying again.",
        "Amazon Bedrock",
    ),
    "17: DOCTYPE html html head title GroqCloud": (
        "<!DOCTYPE html><html><head><title>GroqCloud - Build Fast</title></head><body>Fast inference</body></html>",
        None,
    ),
    "18: html head title Just a moment title hea": ("<html><head><title>Just a moment...</title></head></html>", None),
    "19: id chatcmpl 1 object chat completion ch": (
        '{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"{\\"error\\": {\\"message\\": \\"no\\"}}"},"finish_reason":"stop"}]}',
        None,
    ),
    "20: INFO httpx HTTP Request POST https api g": (
        'INFO:httpx:HTTP Request: POST https://api.groq.com/openai/v1/chat/completions "HTTP/1.1 200 OK"',
        None,
    ),
    "127: litellm RateLimitError OpenAIException Y": (
        "litellm.RateLimitError: OpenAIException - You exceeded your current quota, please check your plan and billing details.",
        "OpenAI",
    ),
    "128: Error 429 error code 429 message Request": (
        'Error: 429 {"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024 have exceeded call rate limit of your current OpenAI S0 pricing tier."}}',
        "Azure OpenAI",
    ),
    "129: Mistral API returned 422 detail type mis": (
        'Mistral API returned 422: {"detail":[{"type":"missing","msg":"Field required"}]}',
        "Mistral AI",
    ),
    "130: cohere errors TooManyRequestsError statu": (
        "cohere.errors.TooManyRequestsError: status_code: 429, body: {'message': 'You are using a Trial key'}",
        "Cohere",
    ),
    "131: Error GoogleGenerativeAI Error Error fet": (
        "Error: [GoogleGenerativeAI Error]: Error fetching from https://generativelanguage.googleapis.com/v1beta: [429 Too Many Requests] You exceeded your current quota",
        "Google Gemini",
    ),
    "132: HTTP 402 error message Insufficient cred": (
        'HTTP 402 {"error":{"message":"Insufficient credits. Add more using https://openrouter.ai/settings/credits","code":402}}',
        "OpenRouter",
    ),
    "133: text generation errors ValidationError i": (
        "text_generation.errors.ValidationError: `inputs` must have less than 1024 tokens. Given: 1600",
        "Hugging Face",
    ),
    "134: cerebras message We re experiencing high": (
        'cerebras: {"message":"We\'re experiencing high traffic right now! Please try again soon.","type":"too_many_requests_error","param":"queue","code":"queue_exceeded"}',
        "Cerebras",
    ),
    "135: anthropic BadRequestError Error code 400": (
        "anthropic.BadRequestError: Error code: 400 - {'type': 'error', 'error': {'type': 'invalid_request_error', 'message': 'messages: roles must alternate'}}",
        "Anthropic",
    ),
    "136: openai RateLimitError Error code 429 err": (
        "openai.RateLimitError: Error code: 429 - {'error': {'message': 'Request too large for gpt-4o-mini in organization org-x on tokens per min (TPM): Limit 60000, Requested 90000.', 'type': 'tokens', 'param': None, 'code': 'rate_limit_exceeded'}}",
        "OpenAI",
    ),
    "137: vllm object error message This model s m": (
        'vllm: {"object":"error","message":"This model\'s maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion). Please reduce the length of the messages or completion.","type":"BadRequestError","param":null,"code":400}',
        "vLLM or a server like it",
    ),
    "138: openai BadRequestError Error code 400 er": (
        "openai.BadRequestError: Error code: 400 - {'error': {'message': \"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages.\", 'type': 'invalid_request_error', 'param': 'messages', 'code': 'context_length_exceeded'}}",
        "OpenAI",
    ),
    "139: TypeError Cannot read properties of unde": (
        "TypeError: Cannot read properties of undefined (reading 'choices')\n at groq.ts:12",
        None,
    ),
    "140: Traceback most recent call last File a t": (
        'Traceback (most recent call last):\n  File "/a/together/x.py", line 3\nValueError: bad input',
        None,
    ),
}


class TestWrappings:
    @pytest.mark.parametrize(("text", "provider", "status", "part"), OURS.values(), ids=OURS)
    def test_the_error_is_found_and_comes_back(self, text, provider, status, part):
        found = reply_of(text)

        assert (found.played.scenario.provider, found.played.reply.status) == (provider, status)
        assert part in found.played.message

    @pytest.mark.parametrize(("text", "whose"), THEIRS.values(), ids=THEIRS)
    def test_what_is_not_simulated_is_not_claimed(self, text, whose):
        choice = choose(text)

        assert choice.found is None
        assert choice.seems == whose

    def test_whoever_knows_better_says_whose_it_is(self):
        text = 'Error code: 400 - {"error": {"message": "Something is new", "type": "invalid_request_error"}}'

        assert choose(text).found is None
        assert reply_of(text, provider="together").played.message == "Something is new"


def reply_of(text: str, **options: str) -> Reproduction:
    found = choose(text, **options).found
    assert isinstance(found, Reproduction)
    return found


def groq(message: str, **fields: object) -> str:
    error = {"message": message, "type": "invalid_request_error", **fields}
    return f"groq.BadRequestError: Error code: 400 - { ({'error': error})!r}"


class TestWhatWasPastedWhole:
    @pytest.mark.parametrize(
        "fields",
        [{"code": "brand_new"}, {"param": "messages[3]"}, {}, {"type": "new_type"}],
        ids=["code", "param", "without a code", "type"],
    )
    def test_is_kept(self, fields):
        found = reply_of(groq("The words are new.", **fields))

        assert found.played.error == {"message": "The words are new.", "type": "invalid_request_error", **fields}
        assert (found.played.reply.error, found.notes) == ("bad_request", ())

    def test_a_known_text_without_its_code_has_none(self):
        found = reply_of(groq("The model `abc` requires terms acceptance."))

        assert "code" not in found.played.error

    def test_a_known_text_with_another_param_keeps_it(self):
        message = "Please reduce the length of the messages or completion."

        found = reply_of(groq(message, param="messages"))

        assert found.played.error == {"message": message, "type": "invalid_request_error", "param": "messages"}

    def test_a_bare_string_stays_one(self):
        found = reply_of('api.groq.com 503 {"error": "upstream said no"}')

        assert found.played.reply.json == {"error": "upstream said no"}

    def test_what_is_made_up_is_said(self):
        message = "tool call validation failed: parameters for tool turn_off did not match schema: errors: [`/x`: bad]"

        found = reply_of(groq(message, code="tool_use_failed"))

        assert found.played.message == message
        assert "failed_generation" in found.played.error
        assert "failed_generation is made up" in found.notes[0]

    def test_a_status_that_was_pasted_stands(self):
        text = "Error code: 503 - The server is overloaded or not ready yet."

        found = reply_of(text)

        assert (found.played.scenario.provider, found.played.reply.status) == ("together", 503)
        assert "SDK's own" in found.notes[0]

    def test_a_text_that_was_cut_is_completed_and_said_to_be(self):
        found = reply_of('groq 400 {"error":{"message":"Organization has been restricted. Please reach out to supp')

        assert found.played.message.endswith("believe this was in error.")
        assert "cut off" in found.notes[0]


class TestFromTheEdge:
    @pytest.mark.parametrize("provider", ["groq", "together"])
    @pytest.mark.parametrize("status", [520, 521, 522, 523, 524, 525, 526])
    def test_a_bare_status_of_the_edge(self, provider, status):
        host = {"groq": "api.groq.com", "together": "api.together.xyz"}[provider]

        found = reply_of(f"requests.exceptions.HTTPError: {status} Server Error: <none> for url: https://{host}/v1/x")

        reply = found.played.reply
        assert (found.played.scenario.provider, reply.status) == (provider, status)
        assert not {"x-request-id", "via", "x-groq-region", "x-api-received"} & {name.lower() for name in reply.headers}

    @pytest.mark.parametrize("number", ["1006", "1009", "1010", "1020"])
    def test_its_numbers(self, number):
        reply = reply_of(f"groq.PermissionDeniedError: error code: {number}").played.reply

        assert (reply.status, reply.text) == (403, f"error code: {number}")


SEVERAL = "\n".join(
    [
        groq("Invalid API Key", code="invalid_api_key").replace("400", "401"),
        "openai.RateLimitError: Error code: 429 - {'error': {'message': 'Quota', 'code': 'insufficient_quota'}}",
        groq("The words are new."),
        groq("The words are new."),
    ]
)


class TestSeveral:
    def test_all_are_listed_and_the_one_is_named(self):
        choice = choose(SEVERAL)

        assert [(error.whose, error.status) for error in choice.listed] == [
            ("Groq", 401),
            ("OpenAI", 429),
            ("Groq", 400),
        ]
        assert choice.picked == 1
        assert isinstance(choice.found, Reproduction)
        assert "this is number 1" in choice.found.notes[-1]

    def test_another_is_picked(self):
        choice = choose(SEVERAL, pick=3)

        assert isinstance(choice.found, Reproduction)
        assert choice.found.played.message == "The words are new."

    def test_a_strangers_is_not_claimed_by_picking_it(self):
        assert choose(SEVERAL, pick=2).found is None

    def test_there_is_no_other(self):
        with pytest.raises(BadInput, match="--pick 4: 3 errors found"):
            choose(SEVERAL, pick=4)

    def test_in_a_log_without_bodies(self):
        log = f"09:00 WARN retrying\nERROR: {LIMIT}\nERROR: Invalid API Key\n"

        assert [error.number for error in choose(log).listed] == [1, 2]


CONNECTIONS = {
    "APIConnectionError: Connection error.": "connect_error",
    "groq.APITimeoutError: Request timed out.": "read_timeout",
    "httpx.ReadTimeout: The read operation timed out": "read_timeout",
    "httpcore.ConnectTimeout: timed out": "connect_timeout",
    "httpx.ConnectError: [Errno -2] Name or service not known": "dns_error",
    "FetchError: request to https://api.groq.com failed, reason: getaddrinfo EAI_AGAIN api.groq.com": "dns_error",
    "httpx.RemoteProtocolError: Server disconnected without sending a response.": "connection_reset",
    "Error: socket hang up\n    at connResetException {\n  code: 'ECONNRESET'\n}": "connection_reset",
    "TypeError: fetch failed { cause: Error: connect ECONNREFUSED 127.0.0.1:443 }": "connect_error",
    "together.error.APIConnectionError: Error communicating with API: Max retries exceeded": "connect_error",
}


class TestConnections:
    @pytest.mark.parametrize(("text", "error"), CONNECTIONS.items(), ids=CONNECTIONS)
    def test_a_fault_is_scripted(self, text, error):
        found = choose(text).found

        assert isinstance(found, Connection)
        assert f'_api.fail("{error}")' in as_test(found)

    def test_the_provider_is_taken_from_the_text(self):
        found = choose("together.APIConnectionError: Connection error.").found

        assert isinstance(found, Connection)
        assert (found.scenario.provider, found.notes) == ("together", ())

    def test_a_strangers_is_not_claimed(self):
        assert choose("anthropic.APIConnectionError: Connection error.").found is None

    def test_the_sdk_that_was_named_raises_its_own(self):
        found = choose("groq.APIConnectionError: Connection error.").found

        assert isinstance(found, Connection)
        assert "with pytest.raises(groq.APIConnectionError):" in as_test(found)


class TestTheWrittenCall:
    def test_is_made_by_the_sdk_that_the_paste_names(self):
        text = as_test(reply_of(groq("The words are new.")))

        assert "groq.Groq(max_retries=0)" in text
        assert "with pytest.raises(groq.APIStatusError) as caught:" in text

    def test_openai_is_told_where_to_call(self):
        text = as_test(reply_of(groq("The words are new.").replace("groq.Bad", "openai.Bad") + " # api.groq.com"))

        assert 'base_url="https://api.groq.com/openai/v1"' in text

    def test_control_characters_are_shown(self):
        text = as_test(reply_of(groq("New \x07 and \u202e words") + "\x07"))

        assert not {"\x07", "\u202e"} & set(text)


class TestReading:
    @pytest.mark.parametrize(
        "text",
        [
            '{"a": {"b": "c"}}',
            "{'a': {'b': 'c'}}",
            "{ a: { b: 'c' } }",
            "{\n  a: APIError {\n    b: 'c',\n  }\n}",
            '{"a" => {"b" => "c"}}',
            '{\\"a\\": {\\"b\\": \\"c\\"}}',
            '{\\\\\\"a\\\\\\": {\\\\\\"b\\\\\\": \\\\\\"c\\\\\\"}}',
        ],
        ids=["JSON", "Python", "JavaScript", "a class", "Ruby", "escaped once", "escaped twice"],
    )
    def test_an_object_in_any_notation(self, text):
        assert next(objects(text))[0] == {"a": {"b": "c"}}

    def test_a_string_in_pieces(self):
        assert next(objects("{ a: 'one ' +\n  'two', b: 1 }"))[0] == {"a": "one two", "b": 1}

    def test_an_object_that_stops(self):
        found = next(objects('{"a": {"b": "stops he'))[0]

        assert isinstance(found, CutObject)
        assert found["a"]["b"] == "stops he"

    @pytest.mark.parametrize("prefix", ["web-1  | ", "[@acme/api]: ", "2026-01-02T03:04:05.678Z ", "> "])
    def test_what_stands_before_each_line(self, prefix):
        assert without_prefixes("\n".join(prefix + line for line in ("one", "two", "three"))) == "one\ntwo\nthree"

    def test_colours(self):
        assert without_prefixes("\x1b[1;31mError\x1b[0m") == "Error"

    def test_an_error_that_is_told_twice_is_one(self):
        assert len(read_pastes(groq("The words are new.") + "\n" + groq("The words are new."))) == 1

    def test_a_line_break_of_a_terminal(self):
        assert plain(read_pastes('{"error": {"message": "one\n   two", "type": "x"}}')[0].message or "") == "one two"
