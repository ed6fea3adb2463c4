"""Migration operations for what the database itself must refuse."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations.base import Operation

PERMIT = "devices_purgepermit"


class AppendOnly(Operation):
    """Rows of `table` can be inserted, never changed; deleted only under a purge permit. Both engines.

    SQLite drops triggers when Django rebuilds a table: repeat this operation after altering it there.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, table: str) -> None:
        self.table = table

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models do not change."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self.database_backwards(app_label, schema_editor, from_state, to_state)
        build = _postgresql if schema_editor.connection.vendor == "postgresql" else _sqlite
        for statement in build(self.table):
            schema_editor.execute(statement, params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        on = f" ON {self.table}" if schema_editor.connection.vendor == "postgresql" else ""
        for verb in ("update", "delete", "truncate"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {self.table}_no_{verb}{on}", params=None)

    def describe(self) -> str:
        return f"Make {self.table} append-only"


# Names come from migrations only, never from input.
def _sqlite(table: str) -> list[str]:
    return [
        (
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        ),
        (
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"WHEN NOT EXISTS (SELECT 1 FROM {PERMIT}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        ),
    ]


def _postgresql(table: str) -> list[str]:
    return [
        f"""CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP IN ('DELETE', 'TRUNCATE') AND EXISTS (SELECT 1 FROM {PERMIT}) THEN RETURN OLD; END IF;
          RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$""",
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()",
    ]


class ScopedReference(Operation):
    """PostgreSQL: a foreign key on (device_id, column), so that no row can refer to another device's.

    SQLite cannot add constraints to a table; there the services alone guard it.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, table: str, column: str, target: str) -> None:
        self.table, self.column, self.target = table, column, target

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models do not change."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            return
        schema_editor.execute(
            f"CREATE UNIQUE INDEX IF NOT EXISTS {self.target}_device_id_id ON {self.target} (device_id, id)",
            params=None,
        )
        schema_editor.execute(
            f"ALTER TABLE {self.table} ADD CONSTRAINT {self.table}_{self.column}_scoped "
            f"FOREIGN KEY (device_id, {self.column}) REFERENCES {self.target} (device_id, id) "
            "DEFERRABLE INITIALLY DEFERRED",
            params=None,
        )

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(
                f"ALTER TABLE {self.table} DROP CONSTRAINT IF EXISTS {self.table}_{self.column}_scoped", params=None
            )

    def describe(self) -> str:
        return f"Keep {self.table}.{self.column} inside its device"
