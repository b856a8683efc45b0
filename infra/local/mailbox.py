"""The agents' mailbox on a laptop: takes mail by SMTP, shows it, and answers it as an agent would.

    python -m infra.local.mailbox --smtp-port 2525 --http-port 8082 --state .nightdesk/mailbox

Mail to the desk's own mail domain, from the form, the command or a real mail client, goes in as Amazon SES would.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from infra.local import mailbox_smtp, serving
from infra.local.mailbox_desk import Mailbox
from infra.local.mailbox_web import Web


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.mailbox", description="The agents' mailbox.")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    wanted = parser.parse_args()
    mailbox = Mailbox(wanted.state)
    mailbox_smtp.controller(mailbox, wanted.smtp_port).start()
    serving.server(wanted.http_port, Web(mailbox).answer).serve_forever()


if __name__ == "__main__":
    main()
