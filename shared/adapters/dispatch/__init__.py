"""Send messages to workers by Celery over Redis. Every setting of Celery is here."""

from urllib.parse import urlsplit, urlunsplit

from celery import Celery
from kombu import Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from shared import messages
from shared.adapters.dispatch.transport import use_transport
from shared.domain.jobs import StepRef
from shared.ports.broker import Broker


def make_app(broker: Broker, catalog: str) -> Celery:
    """Return the Celery app that workers, beat and Flower of one catalog share. It does not connect yet.

    ``catalog`` names the catalog, because other catalogs' messages and workers may use the same broker.

    SQL is authoritative, and a message is a hint that may be lost or duplicated. So messages are acknowledged early,
    nothing is prefetched (messages reserved by a killed worker would stay hidden for an hour), and there is no result
    backend. A warm shutdown ends after ``worker_soft_shutdown_timeout`` only with ``REMAP_SIGTERM=SIGQUIT`` in the
    worker's environment.
    """
    use_transport()
    # With rediss:// Celery's transport would trust every certificate, whatever the options say.
    url = broker.url if broker.tls is None else urlunsplit(urlsplit(broker.url)._replace(scheme="redis", query=""))
    app = Celery("entrakeep", broker=url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_queues=[Queue(name) for name in messages.QUEUES],
        task_default_queue=messages.QUEUES[0],
        task_create_missing_queues=False,
        task_acks_late=False,
        task_reject_on_worker_lost=False,
        task_ignore_result=True,
        task_send_sent_event=True,
        task_track_started=True,
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_soft_shutdown_timeout=5.0,
        worker_max_memory_per_child=400_000,
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
        beat_enable_remote_control=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_use_ssl=broker.tls,
        broker_transport_options={
            "socket_timeout": 5,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "visibility_timeout": 3600,
            "global_keyprefix": f"entrakeep:{catalog}:",
        },
    )
    return app


class CeleryDispatch:
    """Send steps as messages of ``app``."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, step: StepRef) -> bool:
        """Send a step's message. Return False if the broker does not take it."""
        task, message = messages.message_of(step)
        try:
            # Not retry=False, with which kombu would retry the connection for six seconds before it fails.
            self._app.send_task(
                task,
                kwargs=messages.encode(message),
                task_id=step.step_id,
                queue=step.queue,
                argsrepr="()",
                kwargsrepr=messages.shown(message),
                ignore_result=True,
                retry=True,
                retry_policy={"max_retries": 0},
            )
        except (OperationalError, RedisError, OSError):
            return False
        return True
