"""What Superset must be told of Squadron: a part of superset_config.py. See superset.md."""

# Spans of time in charts: Superset knows no engine for this dialect, takes its base engine, and that one has none.
TIME_GRAIN_ADDON_EXPRESSIONS = {
    "base": {
        "PT1S": "date_trunc('second', {col})",
        "PT1M": "date_trunc('minute', {col})",
        "PT1H": "date_trunc('hour', {col})",
        "P1D": "date_trunc('day', {col})",
        "P1W": "date_trunc('week', {col})",
        "P1M": "date_trunc('month', {col})",
        "P3M": "date_trunc('quarter', {col})",
        "P1Y": "date_trunc('year', {col})",
    }
}
