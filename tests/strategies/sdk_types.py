"""The types with which SDKs write requests and read replies, by operation: what ``types=`` of the strategies means."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter
from typing_extensions import TypedDict

REQUESTS = {
    ("groq", "audio.speech"): "groq.types.audio.speech_create_params.SpeechCreateParams",
    ("groq", "audio.transcriptions"): "groq.types.audio.transcription_create_params.TranscriptionCreateParams",
    ("groq", "audio.translations"): "groq.types.audio.translation_create_params.TranslationCreateParams",
    ("groq", "batches.create"): "groq.types.batch_create_params.BatchCreateParams",
    ("groq", "chat.completions"): "groq.types.chat.completion_create_params.CompletionCreateParams",
    ("groq", "embeddings"): "groq.types.embedding_create_params.EmbeddingCreateParams",
    ("groq", "files.create"): "groq.types.file_create_params.FileCreateParams",
    ("groq", "responses"): "openai.types.responses.response_create_params.ResponseCreateParams",
    ("together", "audio.speech"): "together.types.audio.speech_create_params.SpeechCreateParams",
    ("together", "audio.transcriptions"): "together.types.audio.transcription_create_params.TranscriptionCreateParams",
    ("together", "audio.translations"): "together.types.audio.translation_create_params.TranslationCreateParams",
    ("together", "batches.create"): "together.types.batch_create_params.BatchCreateParams",
    ("together", "chat.completions"): "together.types.chat.completion_create_params.CompletionCreateParams",
    ("together", "completions"): "together.types.completion_create_params.CompletionCreateParams",
    ("together", "embeddings"): "together.types.embedding_create_params.EmbeddingCreateParams",
    ("together", "images.generations"): "together.types.image_generate_params.ImageGenerateParams",
    ("together", "rerank"): "together.types.rerank_create_params.RerankCreateParams",
    ("together", "videos.create"): "together.types.video_create_params.VideoCreateParams",
}
REPLIES = {
    ("groq", "audio.transcriptions"): "groq.types.audio.transcription.Transcription",
    ("groq", "audio.translations"): "groq.types.audio.translation.Translation",
    ("groq", "batches.cancel"): "groq.types.batch_cancel_response.BatchCancelResponse",
    ("groq", "batches.create"): "groq.types.batch_create_response.BatchCreateResponse",
    ("groq", "batches.list"): "groq.types.batch_list_response.BatchListResponse",
    ("groq", "batches.retrieve"): "groq.types.batch_retrieve_response.BatchRetrieveResponse",
    ("groq", "chat.completions"): "groq.types.chat.chat_completion.ChatCompletion",
    ("groq", "embeddings"): "groq.types.create_embedding_response.CreateEmbeddingResponse",
    ("groq", "files.create"): "groq.types.file_create_response.FileCreateResponse",
    ("groq", "files.delete"): "groq.types.file_delete_response.FileDeleteResponse",
    ("groq", "files.list"): "groq.types.file_list_response.FileListResponse",
    ("groq", "files.retrieve"): "groq.types.file_info_response.FileInfoResponse",
    ("groq", "models.delete"): "groq.types.model_deleted.ModelDeleted",
    ("groq", "models.list"): "groq.types.model_list_response.ModelListResponse",
    ("groq", "models.retrieve"): "groq.types.model.Model",
    ("groq", "responses"): "openai.types.responses.response.Response",
    ("together", "audio.transcriptions"): "together.types.audio.TranscriptionCreateResponse",
    ("together", "audio.translations"): "together.types.audio.TranslationCreateResponse",
    ("together", "batches.cancel"): "together.types.batch_job.BatchJob",
    ("together", "batches.create"): "together.types.batch_create_response.BatchCreateResponse",
    ("together", "batches.list"): "together.types.batch_list_response.BatchListResponse",
    ("together", "batches.retrieve"): "together.types.batch_job.BatchJob",
    ("together", "chat.completions"): "together.types.chat.chat_completion.ChatCompletion",
    ("together", "completions"): "together.types.completion.Completion",
    ("together", "embeddings"): "together.types.embedding.Embedding",
    ("together", "files.create"): "together.types.file_response.FileResponse",
    ("together", "files.delete"): "together.types.file_delete_response.FileDeleteResponse",
    ("together", "files.list"): "together.types.file_list.FileList",
    ("together", "files.retrieve"): "together.types.file_response.FileResponse",
    ("together", "images.generations"): "together.types.image_file.ImageFile",
    ("together", "rerank"): "together.types.rerank_create_response.RerankCreateResponse",
    ("together", "videos.create"): "together.types.video_job.VideoJob",
    ("together", "videos.retrieve"): "together.types.video_job.VideoJob",
    ("together", "voices.list"): "together.types.audio.voice_list_response.VoiceListResponse",
}
OPENAI_REQUESTS = {
    ("groq", "audio.speech"): "openai.types.audio.speech_create_params.SpeechCreateParams",
    ("groq", "audio.transcriptions"): "openai.types.audio.transcription_create_params.TranscriptionCreateParams",
    ("groq", "audio.translations"): "openai.types.audio.translation_create_params.TranslationCreateParams",
    ("groq", "chat.completions"): "openai.types.chat.completion_create_params.CompletionCreateParams",
    ("groq", "embeddings"): "openai.types.embedding_create_params.EmbeddingCreateParams",
    ("together", "chat.completions"): "openai.types.chat.completion_create_params.CompletionCreateParams",
    ("together", "completions"): "openai.types.completion_create_params.CompletionCreateParams",
    ("together", "embeddings"): "openai.types.embedding_create_params.EmbeddingCreateParams",
}
OPENAI_REPLIES = {
    ("groq", "audio.transcriptions"): "openai.types.audio.transcription.Transcription",
    ("groq", "audio.translations"): "openai.types.audio.translation.Translation",
    ("groq", "chat.completions"): "openai.types.chat.chat_completion.ChatCompletion",
    ("groq", "embeddings"): "openai.types.create_embedding_response.CreateEmbeddingResponse",
    ("groq", "models.list"): "openai.pagination.SyncPage",
    ("groq", "models.retrieve"): "openai.types.model.Model",
    ("together", "audio.transcriptions"): "openai.types.audio.transcription.Transcription",
    ("together", "audio.translations"): "openai.types.audio.translation.Translation",
    ("together", "chat.completions"): "openai.types.chat.chat_completion.ChatCompletion",
    ("together", "embeddings"): "openai.types.create_embedding_response.CreateEmbeddingResponse",
}
"""Not files and batches, whose replies lack what OpenAI's types require, nor Together's completions (``object``)."""


@cache
def sdk_type(name: str, *, streams: bool = False) -> TypeAdapter[Any]:
    """The type of that dotted *name*; of a union for streaming requests and others, the one for this request."""
    module, _, attribute = name.rpartition(".")
    found = getattr(import_module(module), attribute)
    if attribute.endswith("Params"):
        found = _without_file(next((one for one in get_args(found) if _is_streaming(one) == streams), found))
    return TypeAdapter(found)


def _is_streaming(params: type) -> bool:
    return params.__name__.endswith("ParamsStreaming")


def _without_file(params: Any) -> Any:
    """No type for pydantic: it may be an open file."""
    fields = {name: kind for name, kind in get_type_hints(params, include_extras=True).items() if name != "file"}
    return TypedDict(params.__name__, fields, total=False)


def judge(name: str, body: Any) -> None:
    """Raise what is wrong with *body*, if its type says so."""
    if isinstance(body, Mapping) and "Params" in name:
        sdk_type(name, streams=body.get("stream") is True).validate_python({k: body[k] for k in body if k != "file"})
    else:
        sdk_type(name).validate_python(_with_writes(name, body))


def _with_writes(name: str, body: Any) -> Any:
    """OpenAI's newest type asks for a count of tokens that Groq does not have."""
    if name != REPLIES["groq", "responses"] or not body.get("usage"):
        return body
    details = {"cache_write_tokens": 0, **body["usage"]["input_tokens_details"]}
    return {**body, "usage": {**body["usage"], "input_tokens_details": details}}
