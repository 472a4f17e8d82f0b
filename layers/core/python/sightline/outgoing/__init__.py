"""Outgoing webhooks by the Standard Webhooks specification: endpoints, signing, delivery, retries."""
