SCRIPTS := $(dir $(lastword $(MAKEFILE_LIST)))

.PHONY: test reset clean
test:
	@$(SCRIPTS)run $(CURDIR)

reset:
	@$(SCRIPTS)run --reset $(CURDIR)

clean:
	@rm -rf tmp
