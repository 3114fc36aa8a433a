"""SageMaker Studio: making image versions known to it (publish), and domains offer them (attach)."""
