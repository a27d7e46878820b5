//! Names in SQL: which are fields of `logs`, and how columns of other tables are written.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    self, AccessExpr, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    SelectItem, SetExpr, TableFactor, Value, Visit, VisitMut, Visitor, VisitorMut,
};

use crate::read::row::FIXED;

/// The columns of the tables besides `logs`, by the table's name.
pub(super) type Columns = BTreeMap<String, Vec<String>>;

/// Whether the statement asks which tables there are.
pub(super) fn shows_tables(statement: &Statement) -> bool {
    matches!(statement, Statement::Statement(inner) if matches!(inner.as_ref(), ast::Statement::ShowTables { .. }))
}

/// The tables that a statement names, in lower case. Names that `WITH` gives are none.
pub(super) fn relations(statement: &Statement) -> BTreeSet<String> {
    match statement {
        Statement::Statement(statement) => {
            let mut named = Named::default();
            // Neither walk ever breaks off.
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) = Visit::visit(statement.as_ref(), &mut named);
            if let ast::Statement::ExplainTable { table_name, .. } = statement.as_ref() {
                named.tables.insert(table_name.to_string().to_lowercase());
            }
            named.tables.retain(|name| !named.with.contains(name));
            named.tables
        }
        Statement::Explain(explain) => relations(&explain.statement),
        _ => BTreeSet::new(),
    }
}

#[derive(Debug, Default)]
struct Named {
    tables: BTreeSet<String>,
    with: BTreeSet<String>,
}

impl Visitor for Named {
    type Break = ();

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            let names = with.cte_tables.iter().map(|cte| cte.alias.name.value.to_lowercase());
            self.with.extend(names);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, .. } = factor
            && let Some(ast::ObjectNamePart::Identifier(last)) = name.0.last()
        {
            self.tables.insert(last.value.to_lowercase());
        }
        ControlFlow::Continue(())
    }
}

/// Writes columns of other tables as their tables do, where a statement does not name `logs`.
pub(super) fn quote_columns(statement: &mut Statement, columns: &Columns) {
    // Without `logs` no name is a field: those that are not known stay for the planner's complaint.
    rewrite(statement, columns, false);
}

/// Makes fields of the names that are nothing else; returns them.
pub(super) fn rewrite_fields(statement: &mut Statement, columns: &Columns) -> BTreeSet<String> {
    rewrite(statement, columns, true)
}

fn rewrite(statement: &mut Statement, columns: &Columns, with_logs: bool) -> BTreeSet<String> {
    match statement {
        Statement::Statement(statement) => {
            let mut known = Known {
                columns: columns.clone(),
                with_logs,
                ..Known::default()
            };
            // Neither walk ever breaks off.
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) = Visit::visit(statement.as_ref(), &mut known);
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) =
                VisitMut::visit(statement.as_mut(), &mut UserIsAName);
            let mut rewrite = Rewrite {
                known,
                fields: BTreeSet::new(),
            };
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) =
                VisitMut::visit(statement.as_mut(), &mut rewrite);
            rewrite.fields
        }
        Statement::Explain(explain) => rewrite(&mut explain.statement, columns, with_logs),
        _ => BTreeSet::new(),
    }
}

/// Names that are aliases of columns or names of tables, in lower case.
#[derive(Debug, Default)]
struct Known {
    aliases: BTreeSet<String>,
    /// Names and aliases of tables, with the table of another name than `logs` that they stand for.
    relations: BTreeMap<String, Option<String>>,
    columns: Columns,
    with_logs: bool,
}

impl Known {
    fn alias(&mut self, name: &Ident) {
        self.aliases.insert(name.value.to_lowercase());
    }

    fn table_alias(&mut self, alias: &ast::TableAlias, of: Option<String>) {
        self.relations.insert(alias.name.value.to_lowercase(), of);
        alias.columns.iter().for_each(|column| self.alias(&column.name));
    }

    /// The name of a column as its table writes it; of any table but `logs`, or of one.
    fn column(&self, name: &Ident, of: Option<&str>) -> Option<&str> {
        let tables = self
            .columns
            .iter()
            .filter(|(table, _)| of.is_none_or(|of| of == *table));
        let mut all = tables.flat_map(|(_, columns)| columns);
        let same = |column: &&String| match name.quote_style {
            Some(_) => **column == name.value,
            None => column.eq_ignore_ascii_case(&name.value),
        };
        all.find(same).map(String::as_str)
    }

    /// Writes a column's name as its table does: unquoted names would be made small.
    fn write_column(&self, name: &mut Ident, of: Option<&str>) {
        let alias = self.aliases.contains(&name.value.to_lowercase());
        if name.quote_style.is_some() || alias {
            return;
        }
        if let Some(written) = self.column(name, of).map(str::to_owned) {
            name.value = written;
            name.quote_style = Some('"');
        }
    }

    fn projections(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => {
                for item in &select.projection {
                    if let SelectItem::ExprWithAlias { alias, .. } = item {
                        self.alias(alias);
                    }
                }
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.projections(left);
                self.projections(right);
            }
            _ => {}
        }
    }
}

impl Visitor for Known {
    type Break = ();

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            with.cte_tables
                .iter()
                .for_each(|cte| self.table_alias(&cte.alias, None));
        }
        self.projections(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let Some(ast::ObjectNamePart::Identifier(last)) = name.0.last() else {
                    return ControlFlow::Continue(());
                };
                let name = last.value.to_lowercase();
                let of = self.columns.contains_key(&name).then(|| name.clone());
                self.relations.entry(name).or_insert_with(|| of.clone());
                alias.iter().for_each(|alias| self.table_alias(alias, of.clone()));
            }
            TableFactor::Derived { alias, .. } => alias.iter().for_each(|alias| self.table_alias(alias, None)),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `user` is a function in some dialects; to people who read logs it is a field.
struct UserIsAName;

impl VisitorMut for UserIsAName {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let name = match expr {
            Expr::Function(function) => user(function),
            Expr::CompoundFieldAccess { root, access_chain } => match (root.as_ref(), access_chain.as_slice()) {
                (Expr::Identifier(table), [AccessExpr::Dot(Expr::Function(function))]) => {
                    user(function).map(|_| Expr::CompoundIdentifier(vec![table.clone(), Ident::new("user")]))
                }
                _ => None,
            },
            _ => None,
        };
        name.into_iter().for_each(|name| *expr = name);
        ControlFlow::Continue(())
    }
}

/// A call of `user` or `table.user` without parentheses as a name.
fn user(function: &Function) -> Option<Expr> {
    if !matches!(function.args, FunctionArguments::None) {
        return None;
    }
    let part = |part: &ast::ObjectNamePart| match part {
        ast::ObjectNamePart::Identifier(name) => Some(name.clone()),
        _ => None,
    };
    let mut parts = function.name.0.iter().map(part).collect::<Option<Vec<Ident>>>()?;
    if !parts.last()?.value.eq_ignore_ascii_case("user") {
        return None;
    }
    Some(match parts.len() {
        1 => Expr::Identifier(parts.remove(0)),
        _ => Expr::CompoundIdentifier(parts),
    })
}

struct Rewrite {
    known: Known,
    fields: BTreeSet<String>,
}

impl VisitorMut for Rewrite {
    type Break = ();

    /// A column without a name of its own is called what was written, not what it became.
    fn pre_visit_select(&mut self, select: &mut ast::Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item {
                let name = match &*expr {
                    Expr::Identifier(name) if !self.is_field(name) => continue,
                    Expr::Identifier(name) => name.value.clone(),
                    Expr::CompoundIdentifier(parts) if self.is_relation(&parts[0]) || !self.known.with_logs => continue,
                    Expr::CompoundIdentifier(parts) => join(parts),
                    other => other.to_string(),
                };
                *item = SelectItem::ExprWithAlias {
                    expr: expr.clone(),
                    alias: Ident::with_quote('"', name),
                };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) if self.is_field(name) => self.field(name),
            Expr::Identifier(name) => self.known.write_column(name, None),
            Expr::CompoundIdentifier(parts) => self.compound(parts).into_iter().for_each(|name| *expr = name),
            Expr::BinaryOp { left, op, right }
                if is_arithmetic(op) || (is_comparison(op) && (is_number(left) || is_number(right))) =>
            {
                self.number(left);
                self.number(right);
            }
            Expr::Between { expr, low, high, .. } if is_number(low) || is_number(high) => self.number(expr),
            Expr::InList { expr, list, .. } if !list.is_empty() && list.iter().all(is_number) => self.number(expr),
            Expr::Function(function) if is_numeric(function) => {
                if let FunctionArguments::List(list) = &mut function.args {
                    for arg in &mut list.args {
                        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) = arg {
                            self.number(arg);
                        }
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Rewrite {
    fn is_relation(&self, name: &Ident) -> bool {
        self.known.relations.contains_key(&name.value.to_lowercase())
    }

    /// Whether a name that stands alone is a field of `logs`.
    fn is_field(&self, name: &Ident) -> bool {
        self.may_be_field(name) && self.known.column(name, None).is_none()
    }

    /// The same of a name after that of a table.
    fn is_field_of(&self, relation: &Ident, name: &Ident) -> bool {
        let of = self.known.relations.get(&relation.value.to_lowercase());
        let is_other = of.is_some_and(|other| other.is_some());
        !is_other && self.may_be_field(name)
    }

    fn may_be_field(&self, name: &Ident) -> bool {
        let lower = name.value.to_lowercase();
        self.known.with_logs && !FIXED.contains(&lower.as_str()) && !self.known.aliases.contains(&lower)
    }

    /// Takes note of a field, and keeps its letters as they were written.
    fn field(&mut self, name: &mut Ident) {
        self.fields.insert(name.value.clone());
        name.quote_style = Some('"');
    }

    /// `http.status` is one field, unless `http` is a table.
    fn compound(&mut self, parts: &mut [Ident]) -> Option<Expr> {
        if self.is_relation(&parts[0]) {
            let (relation, rest) = parts.split_first_mut()?;
            let [name] = rest else { return None };
            if self.is_field_of(relation, name) {
                self.field(name);
            } else {
                let of = self.known.relations.get(&relation.value.to_lowercase());
                let of = of.cloned().flatten();
                self.known.write_column(name, of.as_deref());
            }
            return None;
        }
        if !self.known.with_logs {
            return None;
        }
        let mut name = Ident::new(join(parts));
        self.field(&mut name);
        Some(Expr::Identifier(name))
    }

    /// Reads a field as a number.
    fn number(&mut self, expr: &mut Expr) {
        let is_field = match expr {
            Expr::Identifier(name) => self.is_field(name),
            Expr::CompoundIdentifier(parts) => match self.is_relation(&parts[0]) {
                true => parts.last().is_some_and(|name| self.is_field_of(&parts[0], name)),
                false => self.known.with_logs,
            },
            _ => false,
        };
        if is_field {
            *expr = num(expr.clone());
        }
    }
}

fn join(parts: &[Ident]) -> String {
    parts
        .iter()
        .map(|part| part.value.as_str())
        .collect::<Vec<_>>()
        .join(".")
}

fn num(expr: Expr) -> Expr {
    Expr::Function(Function {
        name: vec![Ident::new("num")].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn is_arithmetic(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Divide, Minus, Modulo, Multiply, Plus};
    matches!(op, Plus | Minus | Multiply | Divide | Modulo)
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Gt | GtEq | Lt | LtEq)
}

/// Whether an expression is made of numbers as written.
fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) => is_number(expr),
        Expr::BinaryOp { left, op, right } => is_arithmetic(op) && is_number(left) && is_number(right),
        _ => false,
    }
}

/// Whether a function takes numbers.
fn is_numeric(function: &Function) -> bool {
    const NUMERIC: [&str; 24] = [
        "sum",
        "avg",
        "mean",
        "min",
        "max",
        "median",
        "approx_median",
        "approx_percentile_cont",
        "percentile_cont",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "var",
        "var_pop",
        "var_samp",
        "corr",
        "abs",
        "ceil",
        "floor",
        "round",
        "sqrt",
        "ln",
        "log10",
        "power",
    ];
    NUMERIC.contains(&function.name.to_string().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use datafusion::common::config::Dialect;

    use super::*;

    #[track_caller]
    fn check_fields(text: &str, expected: &str, names: &[&str]) {
        let session = datafusion::prelude::SessionContext::new();
        let mut statement = session.state().sql_to_statement(text, &Dialect::Generic).unwrap();
        let fields = rewrite_fields(&mut statement, &Columns::new());
        assert_eq!(statement.to_string(), expected);
        assert_eq!(fields.into_iter().collect::<Vec<_>>(), names);
    }

    #[test]
    fn names_that_are_nothing_else_are_fields() {
        check_fields(
            "SELECT host, count(*) AS n FROM logs WHERE http.status >= 500 GROUP BY host ORDER BY n",
            "SELECT host, count(*) AS n FROM logs WHERE num(\"http.status\") >= 500 GROUP BY host ORDER BY n",
            &["http.status"],
        );
        check_fields(
            "SELECT l.userId, avg(dur) FROM logs l WHERE l.userId = '5' GROUP BY 1",
            "SELECT l.\"userId\", avg(num(\"dur\")) AS \"avg(dur)\" FROM logs l WHERE l.\"userId\" = '5' GROUP BY 1",
            &["dur", "userId"],
        );
    }

    #[test]
    fn user_is_a_field_and_no_function() {
        check_fields(
            "SELECT user, l.user FROM logs l WHERE user = 'a'",
            "SELECT \"user\" AS \"user\", l.\"user\" FROM logs l WHERE \"user\" = 'a'",
            &["user"],
        );
    }

    #[test]
    fn columns_of_other_tables_are_no_fields() {
        let columns = Columns::from([("hosts".to_owned(), vec!["name".to_owned(), "Owner".to_owned()])]);
        let session = datafusion::prelude::SessionContext::new();
        let text = "SELECT l.userId, h.owner, status FROM logs l JOIN hosts h ON l.host = h.name WHERE owner = 'x'";
        let mut statement = session.state().sql_to_statement(text, &Dialect::Generic).unwrap();
        assert_eq!(
            relations(&statement),
            BTreeSet::from(["hosts".to_owned(), "logs".to_owned()])
        );
        let fields = rewrite_fields(&mut statement, &columns);
        assert_eq!(
            statement.to_string(),
            "SELECT l.\"userId\", h.\"Owner\", \"status\" AS \"status\" FROM logs l JOIN hosts h ON l.host = \
             h.\"name\" WHERE \"Owner\" = 'x'"
        );
        assert_eq!(fields.into_iter().collect::<Vec<_>>(), ["status", "userId"]);
    }
}
