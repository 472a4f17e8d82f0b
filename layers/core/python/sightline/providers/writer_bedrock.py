"""A writer on Amazon Bedrock, by the Converse API.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. No temperature is set: some
models refuse it, and every sentence is checked whatever it is.
"""

import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from sightline.errors import WriterUnavailableError
from sightline.providers.writer_model import MAX_TOKENS, READ_S, BusyError, ModelWriter

BUSY = frozenset(
    {
        "InternalServerException",
        "ModelNotReadyException",
        "ServiceUnavailableException",
        "ThrottlingException",
    }
)
UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError)
"""What botocore's parser raises for an answer that is not of the service's shape."""


def bedrock_writer(model: str, *, pause: Callable[[float], None] = time.sleep) -> ModelWriter:
    """By model id, or the id of an inference profile."""
    # One attempt a call: botocore would repeat one that ran out of time, and pay for both.
    config = Config(connect_timeout=2, read_timeout=READ_S, retries={"total_max_attempts": 1})
    client: Any = boto3.client("bedrock-runtime", config=config)

    def ask(system: str, user: str) -> str:
        try:
            answer = client.converse(
                modelId=model,
                system=[{"text": system}],
                messages=[{"role": "user", "content": [{"text": user}]}],
                inferenceConfig={"maxTokens": MAX_TOKENS},
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            said = f"Bedrock answered {code}"
            raise (BusyError(said) if code in BUSY else WriterUnavailableError(said)) from error
        except (EndpointConnectionError, ConnectTimeoutError) as error:
            raise BusyError("Bedrock cannot be reached") from error
        except (BotoCoreError, *UNREADABLE) as error:
            raise WriterUnavailableError(f"Bedrock: {type(error).__name__}") from error
        return _text(answer)

    return ModelWriter(f"bedrock/{model}", ask, pause=pause)


def _text(answer: Any) -> str:
    """What the model says at the end, without what it thought before."""
    try:
        return "".join(block.get("text", "") for block in answer["output"]["message"]["content"])
    except (KeyError, TypeError, AttributeError) as error:
        raise WriterUnavailableError("Bedrock's answer holds no message.") from error
