# Everything is built with go build; this only names what is asked for now and then.

.PHONY: test screenshots

test:
	go test ./...

# The pictures of the README, from a made-up project; needs Chromium.
screenshots:
	go test -tags browser -short -run TestScreens ./dashboard -update-screens
