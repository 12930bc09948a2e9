# The simulation on a port, for tests in any language: docs/server.md#in-a-container
FROM python:3.13-slim

WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY pytest_llmcontract pytest_llmcontract
COPY schemas schemas
COPY cassettes cassettes
COPY docs/rules docs/rules
COPY docs/agents docs/agents
RUN pip install --no-cache-dir ".[server]" && useradd --create-home llmcontract

USER llmcontract
WORKDIR /home/llmcontract
EXPOSE 8765
ENTRYPOINT ["llmcontract"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8765", "--allow-host", "llmcontract"]
