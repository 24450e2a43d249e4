cd ~/shop
mkdir -p .github/workflows
cat > .github/workflows/ci.yaml <<'END'
name: ci
on: push
jobs:
  unit:
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix:
        tz: [UTC, Asia/Seoul]
    steps:
      - uses: actions/checkout@v4
      - run: python -m pytest tests/unit
        env:
          TZ: ${{ matrix.tz }}
END
