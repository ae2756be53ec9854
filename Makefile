# Short names for what README.md and .ci/run do.
.PHONY: demo test ci soak lint build bench golden
demo:   ; go run . demo
test:   ; go test ./...
ci:     ; bash .ci/run
# The full numbers of the replica and of billing: one test after the other, on a machine that does nothing else.
soak:   ; SOAK=full CI=true go test ./e2e -count=1 -parallel 1 -timeout 5h -v
	SOAK=full go test ./billing -run 'Chaos|AThousandOrgs|BadWeather' -count=1 -parallel 1 -timeout 1h -v
build:  ; CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o hostaway-mcp .
lint:   ; go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...
bench:  ; go test . ./mcp ./store -run '^$$' -bench 'ToolCall|OrgByAPIKey|RecordToolCall|OperatorPages'
golden: ; go test . ./store ./mcp ./mail -run 'Golden|Schema|README|TestLetters$$|EveryStateOfBilling' -update
