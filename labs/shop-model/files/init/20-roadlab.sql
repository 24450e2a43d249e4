-- For the lab: the record of what happened in `stock`, and functions that say what the database would do with a row.
-- `roadlab.server_start` is written by every start of the server, which also begins to count deadlocks anew. The other tables of this
-- database are made by `start`.
USE roadlab;

DELIMITER //

-- Writes down what this session's transaction sees of the article T-01 at this moment. A transaction that is open has a number and
-- a level, which can be another one than that of the session, and the server counts the rows that it has changed: two for each earlier
-- look, one for this one so far, and its own changes. The server renews its list of transactions every tenth of a second.
CREATE PROCEDURE look() MODIFIES SQL DATA SQL SECURITY DEFINER
BEGIN
  DECLARE in_stock INT;
  DECLARE own INT;
  DECLARE number BIGINT UNSIGNED;
  DECLARE level VARCHAR(20);
  DECLARE changed, looks INT;
  DECLARE attempts INT DEFAULT 0;
  SELECT pieces INTO in_stock FROM lab.stock WHERE sku = 'T-01';
  INSERT INTO roadlab.seen (session, isolation, pieces) VALUES (CONNECTION_ID(), @@transaction_isolation, in_stock);
  SET own = LAST_INSERT_ID();
  WHILE number IS NULL AND attempts < 3 DO
    DO SLEEP(0.11);
    SELECT MAX(trx_id), MAX(REPLACE(trx_isolation_level, ' ', '-')), MAX(trx_rows_modified) INTO number, level, changed FROM information_schema.INNODB_TRX
    WHERE trx_mysql_thread_id = CONNECTION_ID() AND trx_id < 281474976710656;
    SET attempts = attempts + 1;
  END WHILE;
  SELECT COUNT(*) INTO looks FROM roadlab.seen WHERE transaction_id = number;
  UPDATE roadlab.seen SET transaction_id = number, isolation = COALESCE(level, isolation), own_changes = changed - 1 - 2 * looks WHERE no = own;
  SELECT no, session, isolation, pieces, transaction_id FROM roadlab.seen WHERE no = own;
END//

-- Ends all other sessions: an open transaction would hinder the reset. Clients connect again with their next statement.
CREATE PROCEDURE close_sessions()
BEGIN
  DECLARE session BIGINT;
  DECLARE finished BOOLEAN DEFAULT FALSE;
  DECLARE sessions CURSOR FOR SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER IN ('lab', 'root');
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET finished = TRUE;
  -- A session that has ended meanwhile.
  DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
  OPEN sessions;
  closing: LOOP
    FETCH sessions INTO session;
    IF finished THEN LEAVE closing; END IF;
    KILL session;
  END LOOP;
  CLOSE sessions;
END//

-- Why a row cannot be tried in this table: a view is none, and with some engines nothing can be rolled back. NULL if it can.
CREATE FUNCTION obstacle(of_table VARCHAR(64)) RETURNS VARCHAR(20) READS SQL DATA
  RETURN (SELECT CASE WHEN TABLE_TYPE <> 'BASE TABLE' THEN 'a view' WHEN ENGINE <> 'InnoDB' THEN 'no transactions' END
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'lab' AND TABLE_NAME = of_table)//

-- A column that was not asked for and has no default gets an empty value here.
SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'//

CREATE FUNCTION try_item(new_no INT, new_sku CHAR(4), new_quantity INT) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('note_item');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.note_item (note_no, sku, quantity) VALUES (new_no, new_sku, new_quantity);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

SET SESSION sql_mode = DEFAULT//

CREATE FUNCTION try_order(new_no INT, new_day DATE, new_email VARCHAR(60)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('orders');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.orders (order_no, day, email) VALUES (new_no, new_day, new_email);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_article(new_sku CHAR(4), new_name VARCHAR(40), new_price DECIMAL(8, 2)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('article');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.article (sku, name, price) VALUES (new_sku, new_name, new_price);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_line(new_no INT, new_sku CHAR(4), new_quantity INT) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('order_line');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.order_line (order_no, sku, quantity) VALUES (new_no, new_sku, new_quantity);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_customer(new_email VARCHAR(60), new_name VARCHAR(40), new_postcode CHAR(5)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('customer');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.customer (email, name, postcode) VALUES (new_email, new_name, new_postcode);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_place(new_postcode CHAR(5), new_city VARCHAR(40), new_zone VARCHAR(20)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('place');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.place (postcode, city, zone) VALUES (new_postcode, new_city, new_zone);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_zone(new_zone VARCHAR(20), new_fee DECIMAL(8, 2)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('zone');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.zone (zone, fee) VALUES (new_zone, new_fee);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

-- Why nothing can be tried with the returns: in a table without transactions a change would stay. NULL if it can.
CREATE FUNCTION obstacle_of_returns() RETURNS VARCHAR(20) READS SQL DATA
  RETURN COALESCE(roadlab.obstacle('return_case'), roadlab.obstacle('return_item'), roadlab.obstacle('account'))//

-- A new return with one item. Error 1265, a value that no ENUM has, counts as a warning.
CREATE FUNCTION try_return(new_email VARCHAR(60), new_reason VARCHAR(20), new_sku CHAR(4), new_quantity INT, new_refund DECIMAL(8, 2))
RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle_of_returns();
  DECLARE EXIT HANDLER FOR SQLEXCEPTION, 1265 BEGIN ROLLBACK TO SAVEPOINT tried; RETURN 'refused'; END;
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.return_case (no, email, reason) VALUES (901, new_email, new_reason);
  INSERT INTO lab.return_item (case_no, sku, quantity, refund) VALUES (901, new_sku, new_quantity, new_refund);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_return_item(new_case INT, new_sku CHAR(4), new_quantity INT, new_refund DECIMAL(8, 2)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle_of_returns();
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.return_item (case_no, sku, quantity, refund) VALUES (new_case, new_sku, new_quantity, new_refund);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

-- Changes of rows that are there.
CREATE FUNCTION try_change(what VARCHAR(40)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle_of_returns();
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION, 1265 SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  CASE what
    WHEN 'reason' THEN UPDATE lab.return_case SET reason = 'bored' WHERE no = 1;
    WHEN 'email' THEN UPDATE lab.return_case SET email = 'ghost@haru.example' WHERE no = 1;
    WHEN 'quantity' THEN UPDATE lab.return_item SET quantity = 0 WHERE case_no = 1 AND sku = 'T-01';
    WHEN 'refund' THEN UPDATE lab.return_item SET refund = -1 WHERE case_no = 1 AND sku = 'T-01';
    WHEN 'return' THEN UPDATE lab.return_item SET case_no = 99 WHERE case_no = 1 AND sku = 'T-01';
    WHEN 'article' THEN UPDATE lab.return_item SET sku = 'C-01' WHERE case_no = 1 AND sku = 'T-01';
    WHEN 'account' THEN DELETE FROM lab.account WHERE email = 'lena@haru.example';
  END CASE;
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

-- What becomes of the items of a return that is deleted.
CREATE FUNCTION after_deletion() RETURNS VARCHAR(40) MODIFIES SQL DATA
BEGIN
  DECLARE own, others INT;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK TO SAVEPOINT tried; RETURN 'refused'; END;
  IF roadlab.obstacle_of_returns() IS NOT NULL THEN RETURN roadlab.obstacle_of_returns(); END IF;
  SAVEPOINT tried;
  DELETE FROM lab.return_case WHERE no = 2;
  SELECT COUNT(*) INTO own FROM lab.return_item WHERE case_no = 2;
  SELECT COUNT(*) INTO others FROM lab.return_item WHERE case_no = 1;
  ROLLBACK TO SAVEPOINT tried;
  RETURN CASE WHEN own = 0 AND others = 2 THEN 'deleted with it' WHEN own > 0 THEN 'left behind' ELSE 'others deleted too' END;
END//

-- What becomes of the returns of an account whose address changes.
CREATE FUNCTION after_renaming() RETURNS VARCHAR(40) MODIFIES SQL DATA
BEGIN
  DECLARE followed INT;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK TO SAVEPOINT tried; RETURN 'refused'; END;
  IF roadlab.obstacle_of_returns() IS NOT NULL THEN RETURN roadlab.obstacle_of_returns(); END IF;
  SAVEPOINT tried;
  UPDATE lab.account SET email = 'jiwoo.han@haru.example' WHERE email = 'jiwoo@haru.example';
  SELECT COUNT(*) INTO followed FROM lab.return_case WHERE email = 'jiwoo.han@haru.example' AND no = 1;
  ROLLBACK TO SAVEPOINT tried;
  RETURN IF(followed = 1, 'changed with it', 'left behind');
END//

-- The turnover of tea in January 2025 in the summary, after a change of `sale`.
CREATE FUNCTION tea_after(what VARCHAR(40)) RETURNS DECIMAL(20, 2) MODIFIES SQL DATA
BEGIN
  DECLARE before_it, after_it DECIMAL(20, 2);
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK TO SAVEPOINT tried; RETURN NULL; END;
  IF roadlab.obstacle('month_turnover') IS NOT NULL OR roadlab.obstacle('sale') IS NOT NULL THEN RETURN NULL; END IF;
  SAVEPOINT tried;
  SELECT SUM(turnover) INTO before_it FROM lab.month_turnover WHERE month = '2025-01' AND category = 'tea';
  CASE what
    WHEN 'INSERT' THEN INSERT INTO lab.sale (id, day, sku, quantity, cents) VALUES (900001, '2025-01-15', 1, 3, 700);
    WHEN 'INSERT twice' THEN INSERT INTO lab.sale (id, day, sku, quantity, cents) VALUES (900001, '2025-01-15', 1, 3, 700), (900002, '2025-01-16', 7, 1, 100);
    WHEN 'UPDATE quantity' THEN UPDATE lab.sale SET quantity = quantity + 2, cents = 500 WHERE id = 420;
    WHEN 'UPDATE day' THEN UPDATE lab.sale SET day = '2025-02-01' WHERE id = 420;
    WHEN 'UPDATE sku' THEN UPDATE lab.sale SET sku = 2 WHERE id = 420;
    WHEN 'DELETE' THEN DELETE FROM lab.sale WHERE id = 420;
  END CASE;
  SELECT SUM(turnover) INTO after_it FROM lab.month_turnover WHERE month = '2025-01' AND category = 'tea';
  ROLLBACK TO SAVEPOINT tried;
  RETURN after_it - before_it;
END//

-- Sums with a weight for each month and category, so that an amount in the wrong one is noticed: of the summary, and of the sales below.
CREATE FUNCTION weight(of_month VARCHAR(20), of_category VARCHAR(20)) RETURNS INT DETERMINISTIC NO SQL
  RETURN 1 + MOD(CRC32(CONCAT(of_month, ' ', LOWER(of_category))), 9973)//
CREATE FUNCTION weight_of_summary() RETURNS DECIMAL(30, 2) READS SQL DATA
  RETURN (SELECT COALESCE(SUM(roadlab.weight(month, category) * turnover), 0) FROM lab.month_turnover)//
CREATE FUNCTION weight_of_sales() RETURNS DECIMAL(30, 2) READS SQL DATA
  RETURN (SELECT COALESCE(SUM(roadlab.weight(DATE_FORMAT(s.day, '%Y-%m'), p.category) * s.quantity * s.cents), 0)
    FROM lab.sale s JOIN market.product p ON p.sku = s.sku WHERE s.id BETWEEN 910001 AND 910024 OR s.id IN (1237, 2474, 3711, 4948, 6185, 7422, 8659, 9896, 11133, 12370, 13607, 14844, 16081, 17318,
    18555, 19792, 21029, 22266, 23503, 24740, 25977, 27214, 28451, 29688))//

-- Whether the summary follows a change of 24 sales, in each category and each month.
CREATE FUNCTION follows_everywhere(what VARCHAR(40)) RETURNS VARCHAR(10) MODIFIES SQL DATA
BEGIN
  DECLARE before_it, after_it DECIMAL(30, 2);
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK TO SAVEPOINT tried; RETURN NULL; END;
  IF roadlab.obstacle('month_turnover') IS NOT NULL OR roadlab.obstacle('sale') IS NOT NULL THEN RETURN NULL; END IF;
  SAVEPOINT tried;
  SET before_it = roadlab.weight_of_summary() - roadlab.weight_of_sales();
  CASE what
    WHEN 'INSERT' THEN INSERT INTO lab.sale (id, day, sku, quantity, cents)
      SELECT 910000 + sku, DATE_ADD('2025-01-10', INTERVAL sku - 1 MONTH), sku, 2, 900 + sku FROM market.product WHERE sku <= 24;
    WHEN 'DELETE' THEN DELETE FROM lab.sale WHERE id IN (1237, 2474, 3711, 4948, 6185, 7422, 8659, 9896, 11133, 12370, 13607, 14844, 16081, 17318,
    18555, 19792, 21029, 22266, 23503, 24740, 25977, 27214, 28451, 29688);
    WHEN 'UPDATE' THEN UPDATE lab.sale SET day = IF(day < '2026-01-01', DATE_ADD(day, INTERVAL 3 MONTH), DATE_SUB(day, INTERVAL 3 MONTH)),
      sku = 1 + MOD(sku + 2, 60), quantity = quantity + 1, cents = cents + 50 WHERE id IN (1237, 2474, 3711, 4948, 6185, 7422, 8659, 9896, 11133, 12370, 13607, 14844, 16081, 17318,
    18555, 19792, 21029, 22266, 23503, 24740, 25977, 27214, 28451, 29688);
  END CASE;
  SET after_it = roadlab.weight_of_summary() - roadlab.weight_of_sales();
  ROLLBACK TO SAVEPOINT tried;
  RETURN IF(ABS(after_it - before_it) < 1, 'yes', 'no');
END//

-- In how many of the six categories the first sale of a month that has none yet is missing in the summary.
CREATE FUNCTION first_of_month(what VARCHAR(40)) RETURNS INT MODIFIES SQL DATA
BEGIN
  DECLARE missing INT;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK TO SAVEPOINT tried; RETURN NULL; END;
  IF roadlab.obstacle('month_turnover') IS NOT NULL OR roadlab.obstacle('sale') IS NOT NULL THEN RETURN NULL; END IF;
  SAVEPOINT tried;
  CASE what
    WHEN 'INSERT' THEN INSERT INTO lab.sale (id, day, sku, quantity, cents) SELECT 920000 + sku, '2027-01-15', sku, 3, 900 + sku FROM market.product WHERE sku <= 6;
    WHEN 'UPDATE day' THEN UPDATE lab.sale SET day = '2027-01-15' WHERE id BETWEEN 1 AND 6;
  END CASE;
  SELECT COUNT(*) INTO missing FROM (
    SELECT CAST(p.category AS BINARY) AS category, SUM(s.quantity * s.cents) AS turnover FROM lab.sale s JOIN lab.product p ON p.sku = s.sku
    WHERE s.id BETWEEN 1 AND 6 AND s.day = '2027-01-15' OR s.id BETWEEN 920001 AND 920006 GROUP BY p.category) AS r
  WHERE NOT EXISTS (SELECT * FROM lab.month_turnover m WHERE m.month = '2027-01' AND CAST(m.category AS BINARY) = r.category AND ABS(m.turnover - r.turnover) < 0.001);
  ROLLBACK TO SAVEPOINT tried;
  RETURN missing;
END//

CREATE FUNCTION try_shipment_line(new_no INT, new_line INT, new_sku CHAR(4), new_quantity INT) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('shipment_line');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.shipment_line (shipment_no, line, sku, quantity) VALUES (new_no, new_line, new_sku, new_quantity);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_shipment(new_no INT, new_supplier CHAR(3)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('shipment');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.shipment (shipment_no, supplier, day) VALUES (new_no, new_supplier, '2026-04-09');
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

DELIMITER ;

-- `lab` may do anything in the database `lab`, and see and end sessions; the two servers name the right to set variables differently.
GRANT SELECT ON market.* TO 'lab'@'%';
GRANT SELECT, EXECUTE ON roadlab.* TO 'lab'@'%';
GRANT PROCESS ON *.* TO 'lab'@'%';
/*M!100502 GRANT SUPER, CONNECTION ADMIN ON *.* TO 'lab'@'%' */;
/*!80000 GRANT SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN ON *.* TO 'lab'@'%' */;
