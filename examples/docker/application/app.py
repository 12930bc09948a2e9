"""An application as it is in production: where its provider is, the environment says."""

import groq

client = groq.Groq()
answer = client.chat.completions.create(model="openai/gpt-oss-120b", messages=[{"role": "user", "content": "Hello"}])
print(answer.choices[0].message.content)
