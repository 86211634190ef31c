// Our glue around Microsoft's language service: declares tables and functions, answers with what it says of a query.
// The service's two files are evaluated before this one. Its constructors are overloads that its compiler numbered.

const { Symbols, KustoCode, GlobalState } = Kusto.Language;
const states = new Map();

// tables: [{name, columns: [[name, type], ...] or null}]; functions: [{name, parameters, body or null}].
// Where columns or a body are null they are unknown: whatever a query reads of them is let pass.
function check(query, tables, functions) {
  const code = KustoCode.ParseAndAnalyze(query, stateOf(tables, functions));
  const diagnostics = items(code.GetDiagnostics()).map((found) => ({
    code: found.Code,
    message: found.Message,
    severity: found.Severity.toLowerCase(),
    ...place(query, found.Start),
  }));
  const result = code.ResultType && code.ResultType.Columns;
  const columns = result ? items(result).map((column) => [column.Name, column.Type.Name]) : null;
  return { diagnostics, columns };
}

function stateOf(tables, functions) {
  const key = JSON.stringify([tables, functions]);
  if (!states.has(key)) {
    const symbols = [...tables.map(tableOf), ...functions.flatMap(functionOf)];
    states.set(key, GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", symbols)));
  }
  return states.get(key);
}

function tableOf({ name, columns }) {
  const known = (columns || []).map(([column, type]) => new Symbols.ColumnSymbol(column, Symbols.ScalarTypes.GetSymbol(type)));
  const table = new Symbols.TableSymbol.$ctor4(name, known);
  return table.WithIsOpen(columns === null);
}

// Without a body the function returns a table of its own: only so may its columns be unknown.
function functionOf({ name, parameters, body }) {
  if (body !== null) return [new Symbols.FunctionSymbol.$ctor16(name, parameters, body, null)];
  const rows = { name: `rows of ${name}`, columns: null };
  return [tableOf(rows), ...functionOf({ name, parameters, body: `{ ['${rows.name}'] }` })];
}

function items(list) {
  return Array.from({ length: list.Count }, (_, index) => list.getItem(index));
}

// Line and column of an offset, from 1; a column counts characters, not UTF-16 units.
function place(query, offset) {
  const lines = query.slice(0, offset).split("\n");
  return { line: lines.length, column: [...lines[lines.length - 1]].length + 1 };
}
