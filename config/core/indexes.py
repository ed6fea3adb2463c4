"""A migration operation for a foreign key that loses its index because another one leads with it."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations import AlterField


class DropOwnIndex(AlterField):
    """Set db_index=False by dropping the index alone.

    AlterField rebuilds the table on SQLite, which copies every row and loses the triggers of append-only tables.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        column = model._meta.get_field(self.name).column
        with schema_editor.connection.cursor() as cursor:
            known = schema_editor.connection.introspection.get_constraints(cursor, model._meta.db_table)
        for name, found in known.items():
            if found["index"] and not found["unique"] and found["columns"] == [column]:
                schema_editor.execute(f"DROP INDEX {schema_editor.quote_name(name)}")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        field = model._meta.get_field(self.name)
        schema_editor.execute(schema_editor._create_index_sql(model, fields=[field]))

    def describe(self) -> str:
        return f"Drop the index of {self.model_name}.{self.name} alone: others lead with it"
