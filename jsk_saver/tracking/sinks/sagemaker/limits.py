"""What SageMaker takes (API reference of SageMaker and SageMaker Metrics, and botocore's service model)."""

from __future__ import annotations

#: Characters of the name of an experiment, trial or trial component.
NAME = 120
DESCRIPTION = 3_072
#: Tags of one thing; characters of a tag's key and value.
TAGS, TAG_KEY, TAG_VALUE = 50, 128, 256
#: Parameters of one trial component; characters of a parameter's key and text.
PARAMETERS, PARAMETER_KEY, PARAMETER_TEXT = 300, 320, 2_500
#: Values that one long text is spread over: 100,000 characters.
PIECES = 40
#: Artifacts of one trial component, each way; characters of an artifact's key, value and media type.
ARTIFACTS, ARTIFACT_KEY, ARTIFACT_VALUE, MEDIA_TYPE = 30, 128, 2_048, 64
STATUS_MESSAGE = 1_024
#: Points of one BatchPutMetrics, and its largest step, a signed 32-bit number.
POINTS, STEP = 10, 2**31 - 1
#: Trial components of one trial that this sink makes.
COMPONENTS = 50
